import { hash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { log } from '../../../ops/telemetry/index.ts';

/** Frames that were tried equally often. */
export interface DueFrames {
  frames: Buffer[];
  receivedUs: number[];
  /** How often they have been tried. */
  attempts: number;
}

/**
 * Frames that were rejected for a reason that time may heal (a directory that lags, a key that is being rotated), to be
 * tried again, by this capture or by the next. They are in the spool as rejected already, so nothing is lost where there is no
 * room here: a frame that verifies in the end is written as records beside its rejection.
 */
export interface Retries {
  /** False if it won't be tried again: enough attempts, or no room. A frame that waits already waits once. */
  add(frame: Buffer, receivedUs: number, attempts: number): boolean;
  /** What is due, until `add` or `settle` says what became of it. */
  takeDue(): DueFrames[];
  /** These needn't be tried again. */
  settle(frames: readonly Buffer[]): void;
  readonly size: number;
  close(): void;
}

const atOnce = 256;

/**
 * @param folder of the spool; null keeps them in memory
 * @param delaysMs before the second attempt, the third, …
 */
export function openRetries(
  folder: string | null,
  delaysMs: readonly number[],
  now: () => number,
  { maxFrames = 20_000, maxBytes = 256 << 20 }: { maxFrames?: number; maxBytes?: number } = {},
): Retries {
  const database = openDatabase(folder);
  const sum = database.prepare(
    'SELECT count(*) AS frames, coalesce(sum(length(frame)), 0) AS bytes FROM waiting',
  );
  const insert = database.prepare(
    'INSERT INTO waiting VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET attempts = max(attempts, excluded.attempts), due_ms = excluded.due_ms',
  );
  const due = database.prepare(
    'SELECT id, frame, received_us, attempts FROM waiting WHERE due_ms <= ? ORDER BY received_us LIMIT ?',
  );
  const remove = database.prepare('DELETE FROM waiting WHERE id = ?');
  const taken = new Set<string>();
  let held = sum.get() as { frames: number; bytes: number };
  let failing = false;

  const idOf = (frame: Buffer): string => hash('sha256', frame, 'hex').slice(0, 32);
  /** A full disk, most likely: the spool stops at the same one, and says so. */
  const attempt = <T>(what: () => T, otherwise: T): T => {
    try {
      const done = what();
      failing = false;
      return done;
    } catch (error) {
      if (!failing) log.error('frames that should be tried again can not be kept', { error: String(error) });
      failing = true;
      return otherwise;
    }
  };
  const count = (): void => {
    held = sum.get() as typeof held;
  };

  return {
    add(frame, receivedUs, attempts) {
      const id = idOf(frame);
      const again = taken.delete(id);
      const delay = delaysMs[attempts - 1];
      if (delay === undefined) {
        if (again) attempt(() => void remove.run(id), undefined);
        count();
        return false;
      }
      if (!again && (held.frames >= maxFrames || held.bytes + frame.length > maxBytes)) return false;
      return attempt(() => {
        insert.run(id, frame, receivedUs, attempts, now() + delay);
        if (!again) held = { frames: held.frames + 1, bytes: held.bytes + frame.length };
        return true;
      }, false);
    },
    takeDue() {
      if (held.frames === 0) return [];
      const rows = attempt(
        () =>
          due.all(now(), atOnce + taken.size) as {
            id: string;
            frame: Buffer;
            received_us: number;
            attempts: number;
          }[],
        [],
      ).filter(({ id }) => !taken.has(id));
      for (const { id } of rows) taken.add(id);
      return [...Map.groupBy(rows, ({ attempts }) => attempts)].map(([attempts, group]) => ({
        frames: group.map(({ frame }) => frame),
        receivedUs: group.map(({ received_us: us }) => us),
        attempts,
      }));
    },
    settle(frames) {
      for (const id of frames.map(idOf)) {
        taken.delete(id);
        attempt(() => void remove.run(id), undefined);
      }
      count();
    },
    get size() {
      return held.frames;
    },
    close() {
      database.close();
    },
  };
}

function openDatabase(folder: string | null): Database.Database {
  if (folder !== null) fs.mkdirSync(path.join(folder, 'retries'), { recursive: true });
  const file = folder === null ? ':memory:' : path.join(folder, 'retries', 'firehose.sqlite');
  const open = (): Database.Database => {
    const database = new Database(file);
    try {
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = NORMAL');
      database.exec(`
        CREATE TABLE IF NOT EXISTS waiting (
          id TEXT PRIMARY KEY, frame BLOB NOT NULL, received_us INTEGER NOT NULL, attempts INTEGER NOT NULL, due_ms INTEGER NOT NULL
        );
        CREATE INDEX IF NOT EXISTS waiting_due ON waiting (due_ms);`);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  };
  try {
    return open();
  } catch (error) {
    const { code = '' } = error as { code?: string };
    if (code !== 'SQLITE_NOTADB' && !code.startsWith('SQLITE_CORRUPT')) throw error;
    // what it held is in the spool as rejected; it must not keep capture from starting
    for (const suffix of ['', '-wal', '-shm'])
      if (fs.existsSync(file + suffix)) fs.renameSync(file + suffix, `${file}.broken${suffix}`);
    return open();
  }
}
