import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { captureErrors } from '../errors.ts';

export interface StreamLock {
  release(): void;
}

/**
 * Makes this process the only writer of a stream. The lock is SQLite's exclusive one on `<spool>/<stream>.lock`: the
 * operating system lets go of it when the process ends, however it ends, so a lock never has to be judged stale.
 * @throws FeedtrialError FT_CAPTURE_LOCKED, naming who holds it
 */
export function lockStream(spool: string, stream: string): StreamLock {
  fs.mkdirSync(spool, { recursive: true });
  const holderFile = path.join(spool, `${stream}.holder`);
  const database = new Database(path.join(spool, `${stream}.lock`), { timeout: 0 });
  try {
    database.pragma('locking_mode = EXCLUSIVE');
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error;
    const holder = fs.existsSync(holderFile) ? fs.readFileSync(holderFile, 'utf8').trim() : 'unknown';
    throw captureErrors.locked(stream, holder);
  }
  try {
    fs.writeFileSync(
      holderFile,
      `process ${process.pid} on ${os.hostname()}, since ${new Date().toISOString()}\n`,
    );
  } catch {
    // a full disk: the lock holds without a name on it
  }
  return {
    release() {
      fs.rmSync(holderFile, { force: true });
      if (database.open) database.close();
    },
  };
}
