import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from '../../ops/config/config.ts';
import { freePort } from './free-port.ts';

const home = path.join(projectRoot, '.services/moto');

/** For `describe.skipIf(!hasMoto)`. */
export const hasMoto = existsSync(path.join(home, 'installed'));

if (!hasMoto) console.warn(`SKIPPED: tests on a double of AWS; 'npm run setup:services -- moto' installs it`);

/** A double of AWS on loopback. */
export async function startMoto(): Promise<{ url: string; stop: () => Promise<void> }> {
  const port = await freePort();
  const child = spawn(path.join(home, 'bin/moto_server'), ['-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });
  const url = `http://127.0.0.1:${port}`;
  for (let waited = 0; ; waited += 100) {
    const up = await fetch(`${url}/moto-api/data.json`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (up) break;
    if (child.exitCode !== null || waited > 120_000) throw new Error('moto did not start');
    await sleep(100);
  }
  return {
    url,
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
