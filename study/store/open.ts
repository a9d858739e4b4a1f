import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { Kysely, PostgresDialect, SqliteDialect, type Transaction } from 'kysely';
import { Migrator } from 'kysely/migration';
import type pg from 'pg';
import type { Config } from '../../ops/config/index.ts';
import { describeError } from '../../ops/errors/index.ts';
import { log } from '../../ops/telemetry/index.ts';
import { studyErrors } from '../errors.ts';
import { migrationProvider } from './migrations.ts';
import type { StudyTables } from './tables.ts';

/** The only place where participants' accounts are kept. Open one a process; it is closed by `close()`. */
export interface StudyStore {
  readonly db: Kysely<StudyTables>;
  readonly config: Config;
  /** Where it is, for whoever follows it without Kysely. */
  readonly place: { kind: 'sqlite'; file: string } | { kind: 'postgres'; pool: pg.Pool };
  close(): Promise<void>;
}

export interface OpenStoreOptions {
  /**
   * How long a statement waits for another process that writes to SQLite. It waits in this thread: a server gives a few
   * milliseconds, and `writeTo` tries again.
   */
  busyMs?: number;
}

const busyMs = 15_000; // how long an enrolment waits for another process's

/** Opens the SQLite file as every connection to it must be opened. */
export function connect(
  file: string,
  options: { readonly?: boolean; busyMs?: number } = {},
): Database.Database {
  const database = new Database(file, {
    timeout: options.busyMs ?? busyMs,
    readonly: options.readonly ?? false,
  });
  if (options.readonly !== true) database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  database.pragma('secure_delete = ON'); // who was erased must not be found in free pages
  return database;
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : '';

/** Whether a statement failed only because another process was writing at that moment. */
const isBusy = (error: unknown): boolean =>
  codeOf(error).startsWith('SQLITE_BUSY') || ['40001', '40P01'].includes(codeOf(error));

/**
 * Does a piece of work in one transaction, again where another process was in the way. It must begin with a write, which
 * takes the store's lock, and must have no effect outside the store.
 */
export async function writeTo<T>(
  store: Pick<StudyStore, 'db'>,
  work: (transaction: Transaction<StudyTables>) => Promise<T>,
): Promise<T> {
  for (const begunMs = performance.now(); ;) {
    try {
      return await store.db.transaction().execute(work);
    } catch (error) {
      if (!isBusy(error) || performance.now() - begunMs > busyMs) throw error;
      await sleep(20 + Math.random() * 30);
    }
  }
}

async function migrate(db: Kysely<StudyTables>): Promise<void> {
  // Two processes that meet a new store at once: one of them migrates, the other finds it done.
  for (let attempt = 1; ; attempt++) {
    const { error } = await new Migrator({ db, provider: migrationProvider }).migrateToLatest();
    if (error === undefined) return;
    const raced =
      isBusy(error) ||
      /already exists|unique constraint|duplicate column/i.test(describeError(error)) ||
      codeOf(error) === '23505';
    if (!raced || attempt === 8) throw error instanceof Error ? error : new Error(describeError(error));
    await sleep(50 * attempt);
  }
}

/** Where a store is, as it may be shown: without its password. */
export function describePlace(studyDb: string): string {
  try {
    const url = new URL(studyDb);
    return `${url.protocol}//${url.host}${url.pathname}`;
  } catch {
    return studyDb;
  }
}

/** Whether the configuration names a PostgreSQL and not a file. */
export const isRemoteStore = ({ studyDb }: Pick<Config, 'studyDb'>): boolean =>
  /^[a-z0-9+]+:\/\//i.test(studyDb);

const int8 = 20; // its numbers are counts and microseconds, which a double holds exactly until the year 2255

async function openPostgres(url: string): Promise<pg.Pool> {
  const { default: driver } = await import('pg'); // only where it is used
  const pool = new driver.Pool({
    connectionString: url,
    max: 8,
    connectionTimeoutMillis: 5_000,
    application_name: 'feedtrial',
    types: {
      getTypeParser: ((oid: number, format?: 'text'): unknown =>
        oid === int8 ? Number : driver.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
    },
  });
  // of a connection that nobody uses at the moment: the next query opens another, and says so if it can't
  pool.on('error', (error) => {
    log.warn('a connection to the study store was lost', { error: describeError(error) });
  });
  return pool;
}

/**
 * Opens the study store of a configuration, creating and migrating it where needed: a SQLite file, which with its folder is
 * this user's alone (0600, 0700), or a database of PostgreSQL.
 * @throws FeedtrialError FT_STUDY_STORE_UNSUPPORTED for another kind of URL, FT_STUDY_STORE where it can't be used
 */
export async function openStudyStore(config: Config, options: OpenStoreOptions = {}): Promise<StudyStore> {
  const { studyDb } = config;
  const [, scheme] = /^([a-z0-9+]+):\/\//i.exec(studyDb) ?? [];
  if (scheme !== undefined && !/^postgres(ql)?$/i.test(scheme)) throw studyErrors.storeUnsupported(scheme);
  try {
    const place = scheme === undefined ? sqlitePlace(path.resolve(studyDb)) : null;
    const pool = place === null ? await openPostgres(studyDb) : null;
    const db = new Kysely<StudyTables>({
      dialect:
        pool === null
          ? new SqliteDialect({ database: connect((place as { file: string }).file, options) })
          : new PostgresDialect({ pool }),
    });
    try {
      await migrate(db);
    } catch (error) {
      await db.destroy();
      throw error;
    }
    return {
      db,
      config,
      place: pool === null ? (place as { kind: 'sqlite'; file: string }) : { kind: 'postgres', pool },
      close: () => db.destroy(),
    };
  } catch (error) {
    throw studyErrors.storeUnusable(describePlace(studyDb), error);
  }
}

function sqlitePlace(file: string): { kind: 'sqlite'; file: string } {
  const folder = path.dirname(file);
  if (!fs.existsSync(folder)) fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  fs.closeSync(fs.openSync(file, 'a', 0o600)); // SQLite gives its journal files the mode of the database
  fs.chmodSync(file, 0o600);
  return { kind: 'sqlite', file };
}
