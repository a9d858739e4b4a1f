import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { setTimeout as sleep } from 'node:timers/promises';
import { landErrors } from './errors.ts';

export interface LandingLock {
  release(): void;
}

const retryMs = 200;

/**
 * Makes this landing the only one of a spool. The lock is SQLite's exclusive one on a file in the spool: the operating
 * system lets go of it when its process ends, however it ends, so none is ever left behind by the dead.
 * @param waitMs how long to wait for another landing to end
 * @throws FeedtrialError FT_LAND_BUSY, naming who holds it
 */
export async function lockLanding(
  spool: string,
  waitMs: number,
  waiting: (holder: string) => void,
  signal?: AbortSignal,
): Promise<LandingLock> {
  const folder = path.join(spool, '_landing');
  fs.mkdirSync(folder, { recursive: true });
  const holderFile = path.join(folder, 'holder');
  const deadline = performance.now() + waitMs;
  for (;;) {
    const database = new Database(path.join(folder, 'lock'), { timeout: 0 });
    try {
      database.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      database.close();
      if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error;
      const holder = fs.existsSync(holderFile) ? fs.readFileSync(holderFile, 'utf8').trim() : 'unknown';
      if (performance.now() >= deadline || signal?.aborted) throw landErrors.busy(holder);
      waiting(holder);
      await sleep(retryMs);
      continue;
    }
    fs.writeFileSync(
      holderFile,
      `process ${process.pid} on ${os.hostname()}, since ${new Date().toISOString()}\n`,
    );
    return {
      release() {
        fs.rmSync(holderFile, { force: true });
        database.close();
      },
    };
  }
}
