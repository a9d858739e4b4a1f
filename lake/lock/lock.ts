import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';

export interface Lock {
  /** Gives it back; doing so again does nothing. */
  release(): void;
}

/** Who holds a lock. */
export interface LockHolder {
  pid: number;
  host: string;
  /** ISO 8601, UTC. */
  since: string;
}

/** In the folder of `feedtrial backup`: no person is taken out of backups while one is being made. */
export const backupLock = 'backup.lock';

const holderFile = (file: string): string => `${file}.holder`;

/**
 * Takes a lock that ends with this process, however it ends: SQLite's exclusive transaction on an empty file, which the
 * operating system gives up for a process that was killed. So no lock ever has to be judged stale, and judged wrongly.
 * It excludes other takers in this process as well. The file stays; a name of who holds it stands beside it.
 * @returns null where another holds it
 */
export function takeLock(file: string): Lock | null {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const database = new Database(file, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return null;
    throw error;
  }
  const holder: LockHolder = { pid: process.pid, host: os.hostname(), since: new Date().toISOString() };
  try {
    fs.writeFileSync(holderFile(file), JSON.stringify(holder));
  } catch {
    // a full disk: the lock holds without a name on it
  }
  return {
    release() {
      if (!database.open) return;
      fs.rmSync(holderFile(file), { force: true }); // first: afterwards it may name the next one
      database.close();
    },
  };
}

/** Who took a lock last and did not give it back; null where nobody is named. Says nothing of whether they still live. */
export function lockHolder(file: string): LockHolder | null {
  try {
    return JSON.parse(fs.readFileSync(holderFile(file), 'utf8')) as LockHolder;
  } catch {
    return null; // none, or being written at this moment
  }
}

/** The holder of a lock in words, for messages. */
export function describeHolder(file: string): string {
  const holder = lockHolder(file);
  return holder === null ? 'unknown' : `process ${holder.pid} on ${holder.host}, since ${holder.since}`;
}

export interface LockWait {
  /** How long to wait for the holder, milliseconds; 0 tries once. */
  waitMs: number;
  /** How often to try, milliseconds. Default 100. */
  retryMs?: number;
  /** Called before each wait with who holds it. */
  waiting?: (holder: string) => void;
  /** Gives up when aborted. */
  signal?: AbortSignal | undefined;
}

/** Takes a lock, waiting for its holder to end; null where it didn't in time. */
export async function waitForLock(file: string, options: LockWait): Promise<Lock | null> {
  const { waitMs, retryMs = 100, waiting = () => {}, signal } = options;
  const deadline = performance.now() + waitMs;
  for (;;) {
    const lock = takeLock(file);
    if (lock !== null) return lock;
    if (performance.now() >= deadline || signal?.aborted) return null;
    waiting(describeHolder(file));
    await sleep(retryMs);
  }
}
