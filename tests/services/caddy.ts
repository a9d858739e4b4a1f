import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from '../../ops/config/config.ts';
import { freePort } from './free-port.ts';

export const caddyBinary = path.join(projectRoot, '.services/bin/caddy-v2.11.9');
export const caddyfile = path.join(projectRoot, 'ops/deploy/caddy/Caddyfile');

/** For `describe.skipIf(!hasCaddy)`. */
export const hasCaddy = existsSync(caddyBinary);
export const caddyMissing = "'npm run setup:services -- caddy' installs it";

/** Environment of a Caddy that keeps what it keeps in a folder, and listens on loopback without TLS. */
export function caddyEnvironment(folder: string, sitePort: number, serverPort: number): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: folder,
    XDG_DATA_HOME: folder,
    XDG_CONFIG_HOME: folder,
    CADDY_ADMIN: 'off',
    FEEDTRIAL_SITE: `http://127.0.0.1:${sitePort}`,
    FEEDTRIAL_UPSTREAM: `127.0.0.1:${serverPort}`,
  };
}

/** The deployment's own Caddyfile in front of a feed server on loopback, without TLS. */
export async function startCaddy(serverPort: number): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-caddy-'));
  const port = await freePort();
  const child = spawn(caddyBinary, ['run', '--config', caddyfile, '--adapter', 'caddyfile'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: caddyEnvironment(folder, port, serverPort),
  });
  let said = '';
  child.stderr.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-4_000)));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  for (let waited = 0; waited < 60_000; waited += 50) {
    if (child.exitCode !== null) break;
    const answer = await fetch(`${url}/metrics`).catch(() => null);
    if (answer?.status === 404) return { url, stop };
    await sleep(50);
  }
  await stop();
  throw new Error(`caddy did not answer: ${said}`);
}
