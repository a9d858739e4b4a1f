import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { isS3, openLake } from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { describeError } from '../errors/index.ts';
import { redact } from '../telemetry/index.ts';
import { fail, ok, warn, type Finding } from './check.ts';

/**
 * Whether a bucket takes what a run does: writing, reading, a conditional write, removing. Leaves nothing behind.
 * Folders are tried by `checkPlaces`.
 */
export async function checkBucket(name: string, root: string, variable: string): Promise<Finding> {
  const file = `_doctor/${randomUUID()}.tmp`;
  try {
    const lake = openLake(root);
    if (!(await lake.create(file, 'x'))) throw new Error('a new object is said to be there already');
    try {
      const again = await lake.create(file, 'y');
      const found = await lake.read(file);
      if (again || Buffer.from(found ?? []).toString() !== 'x')
        return fail(
          name,
          `${root} takes a second writer's object in place of the first's`,
          'use storage that honours If-None-Match: leases and pointers rest on it',
        );
    } finally {
      await lake.remove(file);
    }
    return ok(name, `${root} can be written and read`);
  } catch (error) {
    return fail(
      name,
      `${root}: ${redact(describeError(error)).slice(0, 300)}`,
      `check ${variable}, FEEDTRIAL_S3_ENDPOINT, the credentials (AWS_PROFILE, AWS_REGION, …) and what the policy in docs/object-storage.md allows`,
    );
  }
}

export async function checkBuckets(config: Config): Promise<Finding[]> {
  const places = [
    ['lake', config.lake, 'FEEDTRIAL_LAKE'],
    ['private lake', config.privateLake, 'FEEDTRIAL_PRIVATE_LAKE'],
  ] as const;
  return Promise.all(
    places
      .filter(([, root]) => isS3(root))
      .map(([name, root, variable]) => checkBucket(name, root, variable)),
  );
}

/** Compares what a store has been migrated by with what this version has. */
export function judgeMigrations(place: string, run: readonly string[], known: readonly string[]): Finding {
  const newer = run.filter((name) => !known.includes(name));
  if (newer.length > 0)
    return fail(
      'study store',
      `${place} was migrated by a later version: ${newer.join(', ')}`,
      'check out that version, or restore the backup from before the upgrade',
    );
  const missing = known.filter((name) => !run.includes(name));
  if (missing.length > 0)
    return warn(
      'study store',
      `${place} is of an earlier version: ${missing.length} migrations are to come`,
      "take a backup ('feedtrial backup'); the next command that opens the store migrates it",
    );
  return ok('study store', `${place}, ${run.length} migrations`);
}

/** Looks at the study store without migrating or making it. */
export async function checkStore(config: Config): Promise<Finding> {
  const { connect, describePlace, isRemoteStore, migrationNames } = await import('../../study/index.ts');
  const known = migrationNames();
  const place = describePlace(config.studyDb);
  try {
    if (!isRemoteStore(config)) {
      if (!fs.existsSync(config.studyDb)) return ok('study store', `${place} (made when it is needed)`);
      const database = connect(config.studyDb, { readonly: true, busyMs: 2_000 });
      try {
        const rows = database.prepare('SELECT name FROM kysely_migration ORDER BY name').all();
        return judgeMigrations(
          place,
          rows.map((row) => (row as { name: string }).name),
          known,
        );
      } finally {
        database.close();
      }
    }
    const { default: driver } = await import('pg');
    const client = new driver.Client({ connectionString: config.studyDb, connectionTimeoutMillis: 5_000 });
    await client.connect();
    try {
      const [there] = (
        await client.query<{ there: boolean }>("SELECT to_regclass('kysely_migration') IS NOT NULL AS there")
      ).rows;
      if (!there?.there) return ok('study store', `${place} is empty (made when it is needed)`);
      const { rows } = await client.query<{ name: string }>(
        'SELECT name FROM kysely_migration ORDER BY name',
      );
      return judgeMigrations(
        place,
        rows.map(({ name }) => name),
        known,
      );
    } finally {
      await client.end();
    }
  } catch (error) {
    return fail(
      'study store',
      `${place}: ${redact(describeError(error)).slice(0, 300)}`,
      'check FEEDTRIAL_STUDY_DB: that the server answers and takes this user, or that the file is a study store that this user may read',
    );
  }
}
