import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { Kysely, PostgresDialect, SqliteDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { backup, restore } from '../../../ops/backup/index.ts';
import { libpqEnvironment } from '../../../ops/backup/postgres.ts';
import type { Config } from '../../../ops/config/index.ts';
import { enroll, listParticipants, openStudyStore } from '../../../study/index.ts';
import { migrationProvider, migrationNames } from '../../../study/store/migrations.ts';
import { connect } from '../../../study/store/open.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { findPostgres, postgresMissing, startPostgres, type Postgres } from '../../services/postgres.ts';

const programs = findPostgres();
if (programs === null)
  console.warn(`SKIPPED: upgrade, backup and restore of a PostgreSQL. ${postgresMissing}`);

let postgres: Postgres | null = null;
beforeAll(async () => {
  if (programs !== null) postgres = await startPostgres();
});
afterAll(async () => {
  await postgres?.close();
});

const kinds = [
  { kind: 'a SQLite file', isThere: true, remote: false },
  { kind: 'a real PostgreSQL', isThere: programs !== null, remote: true },
];

describe.each(kinds)('an upgrade of a study store in $kind', ({ isThere, remote }) => {
  const test = it.skipIf(!isThere);
  const did = (letter: string): string => `did:plc:${letter.repeat(24)}`;

  const configOf = async (): Promise<Config> => {
    const config = configIn(
      temporaryFolder(),
      remote ? { FEEDTRIAL_STUDY_DB: await (postgres as Postgres).database() } : {},
    );
    if (!remote) mkdirSync(path.dirname(config.studyDb), { recursive: true });
    if (programs !== null) {
      vi.stubEnv('PATH', `${programs}:${process.env.PATH ?? ''}`);
      onTestFinished(() => void vi.unstubAllEnvs());
    }
    return config;
  };

  const raw = (config: Config): Kysely<Record<string, Record<string, unknown>>> =>
    new Kysely({
      dialect: remote
        ? new PostgresDialect({ pool: new pg.Pool({ connectionString: config.studyDb, max: 1 }) })
        : new SqliteDialect({ database: connect(config.studyDb) }),
    });

  /** The version that had only so many migrations opens the store; throws what it would throw. */
  const openAsVersion = async (config: Config, count: number): Promise<void> => {
    const db = raw(config);
    try {
      const all = await migrationProvider.getMigrations();
      const some = Object.fromEntries(Object.entries(all).slice(0, count));
      const { error } = await new Migrator({
        db,
        provider: { getMigrations: async () => some },
      }).migrateToLatest();
      if (error instanceof Error) throw error;
    } finally {
      await db.destroy();
    }
  };

  /** Somebody who was enrolled by the version of the first migration. */
  const enrolByFirstVersion = async (config: Config): Promise<void> => {
    await openAsVersion(config, 1);
    const db = raw(config);
    await db
      .insertInto('studies')
      .values({ study: 'default', seed: 's', feed_context_key: 'k', created_us: 1, revision: 0 })
      .execute();
    await db
      .insertInto('participants')
      .values({
        participant_id: 'p-old',
        study: 'default',
        did: did('a'),
        handle: null,
        stratum: 'all',
        arm: 'engagement',
        status: 'active',
        enrolled_us: 1_700_000_000_000_000,
        withdrawn_us: null,
        revision: 0,
      })
      .execute();
    await db.destroy();
  };

  const people = async (config: Config): Promise<string[]> => {
    const store = await openStudyStore(config);
    try {
      return (await listParticipants(store)).map((one) => one.did).toSorted();
    } finally {
      await store.close();
    }
  };

  test('goes forward from the first version, and keeps who was in it', async () => {
    const config = await configOf();
    await enrolByFirstVersion(config);
    expect(await people(config)).toEqual([did('a')]);
    const store = await openStudyStore(config);
    const { enrolled, failed } = await enroll(store, {
      people: [{ did: did('b') }],
      arms: [{ arm: 'engagement', weight: 1, status: 'open' }],
    });
    await store.close();
    expect({ enrolled: enrolled.length, failed }).toEqual({ enrolled: 1, failed: [] });
  });

  test('is refused by the version before, which opens the backup from before the upgrade', async () => {
    const config = await configOf();
    const home = path.join(temporaryFolder(), 'backups');
    await enrolByFirstVersion(config);
    const { folder } = await backup({ config, to: home });

    // --- forward: the new version migrates and somebody enrols
    const store = await openStudyStore(config);
    await enroll(store, {
      people: [{ did: did('b') }],
      arms: [{ arm: 'engagement', weight: 1, status: 'open' }],
    });
    await store.close();

    // --- back: the old version doesn't misread it; with the backup in place it works
    expect(migrationNames().length).toBeGreaterThan(1);
    await expect(openAsVersion(config, 1)).rejects.toThrow(/migration/);
    await expect(restore({ config, from: folder })).rejects.toMatchObject({ code: 'FT_RESTORE_THERE' });
    const { movedAside } = await restore({ config, from: folder, replace: true });
    expect(movedAside.length).toBeGreaterThan(0);
    if (!remote) for (const place of movedAside) expect(existsSync(place)).toBe(true);
    await openAsVersion(config, 1);
    const db = raw(config);
    expect(await db.selectFrom('participants').select('did').execute()).toEqual([{ did: did('a') }]);
    if (remote) {
      const schema = movedAside.find((one) => one.startsWith('schema '))?.slice('schema '.length) ?? '';
      const kept = await db.withSchema(schema).selectFrom('participants').select('did').execute();
      expect(kept).toHaveLength(2);
    }
    await db.destroy();

    // --- and forward again
    expect(await people(config)).toEqual([did('a')]);
  });
});

it('gives the address of a PostgreSQL to its programs by variables alone', () => {
  expect(libpqEnvironment('postgres://me:p%40ss@db.example.org:5433/study?sslmode=require')).toEqual({
    PGHOST: 'db.example.org',
    PGPORT: '5433',
    PGUSER: 'me',
    PGPASSWORD: 'p@ss',
    PGSSLMODE: 'require',
    PGDATABASE: 'study',
    PGCONNECT_TIMEOUT: '10',
  });
});
