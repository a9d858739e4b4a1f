import { hash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import type { GapStatement } from '../spool/lines.ts';

/** Where a repository's chain of commits stands. */
export interface RepositoryState {
  rev: string;
  /** Name of the tree, as in `ChainLink`. */
  data: string;
  seq: number | null;
  eventUs: number;
}

/** Where the stream stood when the states were true; they are written in one transaction with it. */
export interface ChainPosition {
  cursor: number;
  us: number | null;
}

/** A commit that doesn't follow on the last one: what lies between may still come, verified late. */
export interface OpenBreak {
  /** `GapStatement` that was made of it. */
  gap: GapStatement;
  /** The last commit before it, and its tree. */
  rev: string;
  data: string;
  /** The commit that would close it, as the one after says, and its tree if it says that as well. */
  untilRev: string;
  untilData: string | null;
}

/**
 * The last commit of every repository, on disk: 8 bytes of the DID's hash, rev, tree, seq and time, about 60 bytes a
 * repository with SQLite's own (2.5 GB for the 40 million of the network), of which 32 MB are held in memory. Two DIDs
 * of 40 million share a key with a chance of 1 in 20,000; their cost would be resyncs that weren't needed.
 *
 * It is SQLite and not a log with an index in memory because the index alone would be over 1 GB. `synchronous = NORMAL`
 * keeps it whole after a power cut, when it may be behind: what it says it has is never more than what it has.
 */
export interface ChainStore {
  readonly position: ChainPosition | null;
  get(did: string): RepositoryState | null;
  /** The last break of a repository; null where there is none, or it is days old. */
  breakOf(did: string): OpenBreak | null;
  /** @param open null where it is closed */
  setBreak(did: string, open: OpenBreak | null): void;
  save(states: Map<string, RepositoryState>, position: ChainPosition): void;
  /** Forgets all: what it knows is too old to be compared with. */
  clear(): void;
  close(): void;
}

/** States that are held in memory beside SQLite's pages: most commits are of repositories that wrote one not long ago; 250 bytes each. */
const mostHeld = 50_000;

/** A rejected commit is tried again for some minutes; after days only a backfill closes the break. */
const breaksKeptMs = 3 * 86_400_000;

const keyOf = (did: string): Buffer => hash('sha256', did, 'buffer').subarray(0, 8);

/** Opens `<spool>/chain/repositories.sqlite`. A file that is no database is set aside, and the chain begins anew. */
export function openChainStore(spool: string, now: () => number = Date.now): ChainStore {
  const folder = path.join(spool, 'chain');
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'repositories.sqlite');
  let database: Database.Database;
  try {
    database = openDatabase(file);
  } catch (error) {
    const { code = '' } = error as { code?: string };
    if (code !== 'SQLITE_NOTADB' && !code.startsWith('SQLITE_CORRUPT')) throw error;
    for (const suffix of ['', '-wal', '-shm'])
      if (fs.existsSync(file + suffix)) fs.renameSync(file + suffix, `${file}.broken${suffix}`);
    database = openDatabase(file);
  }
  const select = database.prepare('SELECT rev, data, seq, event_us FROM repositories WHERE did = ?').raw();
  const upsert = database.prepare(
    'INSERT INTO repositories VALUES (?, ?, ?, ?, ?) ON CONFLICT (did) DO UPDATE SET rev = excluded.rev, data = excluded.data, seq = excluded.seq, event_us = excluded.event_us',
  );
  const stand = database.prepare('INSERT OR REPLACE INTO position VALUES (1, ?, ?)');
  const saveAll = database.transaction((states: Map<string, RepositoryState>, at: ChainPosition) => {
    for (const [did, { rev, data, seq, eventUs }] of states)
      upsert.run(keyOf(did), rev, Buffer.from(data, 'hex'), seq, eventUs);
    stand.run(at.cursor, at.us);
  });
  const selectBreak = database.prepare('SELECT open FROM breaks WHERE did = ?').raw();
  const upsertBreak = database.prepare('INSERT OR REPLACE INTO breaks VALUES (?, ?, ?)');
  const removeBreak = database.prepare('DELETE FROM breaks WHERE did = ?');
  database.prepare('DELETE FROM breaks WHERE since_ms < ?').run(now() - breaksKeptMs);
  const stored = database.prepare('SELECT cursor, us FROM position').get() as ChainPosition | undefined;
  let position = stored ?? null;
  const held = new Map<string, RepositoryState>(); // oldest first
  const hold = (did: string, state: RepositoryState): void => {
    held.delete(did);
    held.set(did, state);
    if (held.size > mostHeld) held.delete(held.keys().next().value as string);
  };
  return {
    get position() {
      return position;
    },
    get(did) {
      const recent = held.get(did);
      if (recent !== undefined) return recent;
      const row = select.get(keyOf(did)) as [string, Buffer, number | null, number] | undefined;
      if (row === undefined) return null;
      const state = { rev: row[0], data: row[1].toString('hex'), seq: row[2], eventUs: row[3] };
      hold(did, state);
      return state;
    },
    breakOf(did) {
      const row = selectBreak.get(keyOf(did)) as [string] | undefined;
      return row === undefined ? null : (JSON.parse(row[0]) as OpenBreak);
    },
    setBreak(did, open) {
      if (open === null) removeBreak.run(keyOf(did));
      else upsertBreak.run(keyOf(did), JSON.stringify(open), now());
    },
    save(states, at) {
      saveAll(states, at);
      for (const [did, state] of states) hold(did, state);
      position = at;
    },
    clear() {
      database.exec('DELETE FROM position; DELETE FROM repositories; DELETE FROM breaks');
      held.clear();
      position = null;
    },
    close() {
      database.close();
    },
  };
}

function openDatabase(file: string): Database.Database {
  const database = new Database(file);
  try {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    database.pragma('cache_size = -32768');
    database.exec(`
      CREATE TABLE IF NOT EXISTS repositories (
        did BLOB PRIMARY KEY, rev TEXT NOT NULL, data BLOB NOT NULL, seq INTEGER, event_us INTEGER NOT NULL
      ) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS position (one INTEGER PRIMARY KEY CHECK (one = 1), cursor INTEGER NOT NULL, us INTEGER);
      CREATE TABLE IF NOT EXISTS breaks (did BLOB PRIMARY KEY, open TEXT NOT NULL, since_ms INTEGER NOT NULL) WITHOUT ROWID;`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
