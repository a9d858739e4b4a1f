import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from '../../ops/config/config.ts';
import { freePort } from './free-port.ts';

const binary = path.join(projectRoot, '.services/bin/versitygw-v1.8.0');

/** For `describe.skipIf(!hasVersitygw)`. */
export const hasVersitygw = existsSync(binary);

if (!hasVersitygw)
  console.warn(`SKIPPED: tests on a real S3 server; 'npm run setup:services -- versitygw' installs it`);

export interface S3Server {
  endpoint: string;
  /** Where its objects and their old versions lie as files. */
  folder: string;
  /** What a process needs to reach it; put there by `start` for this one. */
  env: Record<string, string>;
  /** Makes an empty bucket and says its `s3://` URL. */
  bucket(name: string, options?: { versioned?: boolean }): Promise<string>;
  stop(): Promise<void>;
}

async function tryStart(folder: string, port: number): Promise<(() => Promise<void>) | null> {
  const log = { text: '' };
  const child = spawn(
    binary,
    [
      '--port',
      `127.0.0.1:${port}`,
      '--quiet',
      '--keep-alive',
      'posix',
      '--versioning-dir',
      path.join(folder, 'versions'),
      path.join(folder, 'buckets'),
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, ROOT_ACCESS_KEY: 'feedtrial', ROOT_SECRET_KEY: 'feedtrial-secret' },
    },
  );
  const ended = new Promise<void>((resolve) =>
    child.once('exit', () => {
      resolve();
    }),
  );
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (log.text += data.toString()));
  for (let waited = 0; waited < 60_000; waited += 50) {
    if (child.exitCode !== null) {
      if (/address already in use/i.test(log.text)) return null;
      throw new Error(`versitygw ended with ${child.exitCode}: ${log.text}`);
    }
    const answered = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (answered)
      return async () => {
        child.kill('SIGKILL');
        await ended;
      };
    await sleep(50);
  }
  child.kill('SIGKILL');
  throw new Error(`versitygw did not answer: ${log.text}`);
}

/**
 * A real S3 server on loopback with its objects in a temporary folder. The environment of this process points to it until
 * it is stopped: AWS's variables and FEEDTRIAL_S3_ENDPOINT.
 */
export async function startS3(): Promise<S3Server> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-s3-'));
  for (const name of ['versions', 'buckets']) mkdirSync(path.join(folder, name));
  let kill: (() => Promise<void>) | null = null;
  let port = 0;
  while (kill === null) {
    port = await freePort();
    kill = await tryStart(folder, port);
  }
  const killServer = kill;
  const endpoint = `http://127.0.0.1:${port}`;
  const env = {
    FEEDTRIAL_S3_ENDPOINT: endpoint,
    AWS_ACCESS_KEY_ID: 'feedtrial',
    AWS_SECRET_ACCESS_KEY: 'feedtrial-secret',
    AWS_REGION: 'us-east-1',
  };
  const before = Object.fromEntries(Object.keys(env).map((name) => [name, process.env[name]]));
  Object.assign(process.env, env);
  const { S3 } = await import('@aws-sdk/client-s3');
  const s3 = new S3({ endpoint, forcePathStyle: true });
  return {
    endpoint,
    folder,
    env,
    async bucket(name, { versioned = false } = {}) {
      await s3.createBucket({ Bucket: name });
      if (versioned)
        await s3.putBucketVersioning({ Bucket: name, VersioningConfiguration: { Status: 'Enabled' } });
      return `s3://${name}`;
    },
    async stop() {
      s3.destroy();
      await killServer();
      for (const [name, value] of Object.entries(before))
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
