import { createHmac, randomBytes } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import path from 'node:path';
import { isS3, makePrivate, openLake, readTable, tables, writeRows, type Engine } from '../lake/index.ts';
import type { Config } from '../ops/config/index.ts';

const file = 'pseudonyms/current.parquet';

/** What a pseudonym stands for: the same text has another one as a participant than as a post. */
export type Pseudonymous = 'participant' | 'post';

/**
 * A name that holds in one release and says nothing to whoever lacks its key: the first 32 hexadecimal digits of
 * HMAC-SHA-256(key, kind, NUL, id). 128 bits: no two of a billion are the same.
 */
export function pseudonymOf(key: string | Uint8Array, kind: Pseudonymous, id: string): string {
  return createHmac('sha256', key).update(`${kind}\0${id}`).digest('hex').slice(0, 32);
}

/** The key of this release: what was configured, or one that nobody can know again. */
export function releaseKey(config: Config): string | Uint8Array {
  return config.exportKey ?? randomBytes(32);
}

/**
 * Gives each participant of the roster their pseudonym, as a table of the private lake that the exports join. The key stays in
 * this process: SQL, its artifacts and logs see pseudonyms alone, on any engine. `removePseudonyms` ends it.
 */
export async function publishPseudonyms(config: Config, engine: Engine): Promise<void> {
  const lake = openLake(config.privateLake);
  await makePrivate(lake.root);
  const rows = await engine.rows<{ participant_id: string }>(
    `SELECT DISTINCT participant_id FROM ${readTable(lake, tables.participants)} ORDER BY participant_id`,
  );
  const key = releaseKey(config);
  const named = rows.map(({ participant_id: id }) => ({
    participant_id: id,
    pseudonym: pseudonymOf(key, 'participant', id),
  }));
  await writeRows(lake, engine, tables.pseudonyms, {}, named, path.basename(file, '.parquet'));
  if (!isS3(lake.root) && named.length > 0) await chmod(lake.uri(file), 0o600);
}

/** Takes the table away, with every version that the store kept: nothing then says whose a pseudonym is. */
export async function removePseudonyms(config: Config): Promise<void> {
  await openLake(config.privateLake).purge(file);
}
