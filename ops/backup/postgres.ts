import { execa } from 'execa';
import { describeError } from '../errors/index.ts';
import { redact } from '../telemetry/index.ts';
import { backupErrors } from './errors.ts';

/** A store's address as the variables of PostgreSQL's programs: arguments are seen by every user of the machine. */
export function libpqEnvironment(studyDb: string): Record<string, string> & { PGDATABASE: string } {
  const url = new URL(studyDb);
  const given = {
    PGHOST: url.searchParams.get('host') ?? url.hostname,
    PGPORT: url.port,
    PGUSER: decodeURIComponent(url.username),
    PGPASSWORD: decodeURIComponent(url.password),
    PGSSLMODE: url.searchParams.get('sslmode') ?? '',
    PGSSLROOTCERT: url.searchParams.get('sslrootcert') ?? '',
  };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== '')),
    PGDATABASE: decodeURIComponent(url.pathname.slice(1)),
    PGCONNECT_TIMEOUT: '10',
  };
}

/** @throws FeedtrialError FT_BACKUP_TOOL */
export async function dumpStore(studyDb: string, file: string): Promise<void> {
  try {
    await execa('pg_dump', ['--format=custom', '--schema=public', `--file=${file}`], {
      env: libpqEnvironment(studyDb),
    });
  } catch (error) {
    throw backupErrors.tool('pg_dump', redact(describeError(error)), error);
  }
}

/**
 * Puts a dump in place. Whatever the database has is moved aside whole, to a schema of its own: tables that a later version
 * added must not stand beside a store of an earlier one.
 * @returns the schema that holds what was there; null where nothing was
 * @throws FeedtrialError FT_BACKUP_TOOL, FT_RESTORE_THERE
 */
export async function restoreStore(
  studyDb: string,
  file: string,
  options: { replace: boolean; stamp: string },
): Promise<string | null> {
  const { default: driver } = await import('pg');
  const env = libpqEnvironment(studyDb);
  const client = new driver.Client({ connectionString: studyDb, connectionTimeoutMillis: 10_000 });
  let aside: string | null = null;
  try {
    await client.connect();
    const { rows } = await client.query<{ n: string }>(
      "SELECT count(*)::text AS n FROM pg_tables WHERE schemaname = 'public'",
    );
    if (rows[0]?.n !== '0') {
      if (!options.replace) throw backupErrors.there(`the database ${env.PGDATABASE}`);
      aside = `before_${options.stamp.toLowerCase()}`;
      await client.query(`BEGIN; ALTER SCHEMA public RENAME TO ${aside}; CREATE SCHEMA public; COMMIT`);
    } else await client.query('CREATE SCHEMA IF NOT EXISTS public');
    const dump = [
      '--exit-on-error',
      '--single-transaction',
      '--no-owner',
      '--no-privileges',
      '--schema=public',
    ];
    await execa('pg_restore', [...dump, `--dbname=${env.PGDATABASE}`, file], { env });
    return aside;
  } catch (error) {
    if (aside !== null)
      await client
        .query(`BEGIN; DROP SCHEMA IF EXISTS public CASCADE; ALTER SCHEMA ${aside} RENAME TO public; COMMIT`)
        .catch(() => undefined); // then it is in the schema that is named
    if (error instanceof Error && 'code' in error && error.code === 'FT_RESTORE_THERE') throw error;
    throw backupErrors.tool('pg_restore', redact(describeError(error)), error);
  } finally {
    await client.end().catch(() => undefined);
  }
}
