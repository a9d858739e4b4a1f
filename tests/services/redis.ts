import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';

const program = '/usr/bin/redis-server';

export const hasRedis = (): boolean => existsSync(program);

/** What to say where tests are skipped for want of it. */
export const redisMissing = "Redis isn't installed: 'npm run setup:services -- redis'";

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.end();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });

/** Starts a Redis on loopback that keeps nothing on disk, and ends with this process however that ends. */
export async function startRedis(): Promise<{ host: string; close(): Promise<void> }> {
  const home = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-redis-'));
  const port = await freePort();
  const command = '"$0" "$@" & server=$!; cat > /dev/null; kill $server; wait $server';
  const options = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    home,
  ];
  const child = spawn('sh', ['-c', command, program, ...options], { stdio: ['pipe', 'ignore', 'ignore'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const close = async (): Promise<void> => {
    child.stdin.end();
    await ended;
    rmSync(home, { recursive: true, force: true });
  };
  for (let attempt = 0; !(await answers(port)); attempt++) {
    if (attempt === 300 || child.exitCode !== null) {
      await close();
      throw new Error('Redis did not start');
    }
    await sleep(100);
  }
  return { host: `127.0.0.1:${port}`, close };
}
