import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import type { Config } from '../../ops/config/index.ts';
import { describeError } from '../../ops/errors/index.ts';
import { studyErrors } from '../errors.ts';
import { migrationProvider } from './migrations.ts';
import type { StudyTables } from './tables.ts';

/** The only place where participants' accounts are kept. Open one a process; it is closed by `close()`. */
export interface StudyStore {
  readonly db: Kysely<StudyTables>;
  readonly config: Config;
  /** The SQLite file. */
  readonly file: string;
  close(): Promise<void>;
}

const busyMs = 15_000; // how long an enrolment waits for another process's

/** Opens the SQLite file as every connection to it must be opened. */
export function connect(file: string, options: { readonly?: boolean } = {}): Database.Database {
  const database = new Database(file, { timeout: busyMs, readonly: options.readonly ?? false });
  if (options.readonly !== true) database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  return database;
}

async function migrate(db: Kysely<StudyTables>): Promise<void> {
  // Two processes that meet a new store at once: SQLite lets one of them migrate, the other finds it done.
  for (let attempt = 1; ; attempt++) {
    const { error } = await new Migrator({ db, provider: migrationProvider }).migrateToLatest();
    if (error === undefined) return;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const raced =
      code.startsWith('SQLITE_BUSY') || /already exists|UNIQUE constraint/.test(describeError(error));
    if (!raced || attempt === 8) throw error instanceof Error ? error : new Error(describeError(error));
    await sleep(50 * attempt);
  }
}

/**
 * Opens the study store of a configuration, creating and migrating it where needed. File and folder are this user's
 * alone (0600, 0700).
 * @throws FeedtrialError FT_STUDY_STORE_UNSUPPORTED for a URL, FT_STUDY_STORE where the file can't be used
 */
export async function openStudyStore(config: Config): Promise<StudyStore> {
  const url = /^([a-z0-9+]+):\/\//i.exec(config.studyDb);
  if (url) throw studyErrors.storeUnsupported(url[1] as string);
  const file = path.resolve(config.studyDb);
  try {
    const folder = path.dirname(file);
    if (!fs.existsSync(folder)) fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    fs.closeSync(fs.openSync(file, 'a', 0o600)); // SQLite gives its journal files the mode of the database
    fs.chmodSync(file, 0o600);
    const db = new Kysely<StudyTables>({ dialect: new SqliteDialect({ database: connect(file) }) });
    try {
      await migrate(db);
    } catch (error) {
      await db.destroy();
      throw error;
    }
    return { db, config, file, close: () => db.destroy() };
  } catch (error) {
    throw studyErrors.storeUnusable(file, error);
  }
}
