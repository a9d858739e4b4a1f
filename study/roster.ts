import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import path from 'node:path';
import {
  copyToLake,
  makePrivate,
  openEngine,
  openLake,
  partitionFolder,
  tables,
  typedColumns,
  writeRows,
} from '../lake/index.ts';
import type { Config } from '../ops/config/index.ts';
import { isRemoteStore, openStudyStore, type StudyStore } from './store/open.ts';

/** The roster's file in the private lake. */
export const rosterPath = `${partitionFolder(tables.participants, {})}/current.parquet`;

const isRemote = (root: string) => /^[a-z0-9+]+:\/\//i.test(root);

/**
 * Writes who is in the study to the private lake, whole. Two processes that publish at once leave the newer roster: each
 * looks afterwards whether the store has moved on.
 * @returns number of participants in it, of all studies, those who withdrew included
 */
export async function publishRoster(store: StudyStore): Promise<number> {
  const lake = openLake(store.config.privateLake);
  await makePrivate(lake.root);
  await makePrivate(path.dirname(lake.uri(rosterPath)));
  const engine = await openEngine({ memoryLimit: '256MB', threads: 1 });
  try {
    for (;;) {
      const revision = await storeRevision(store);
      const rows = await store.db
        .selectFrom('participants')
        .select(['participant_id', 'study', 'did', 'arm', 'status', 'stratum', 'enrolled_us', 'withdrawn_us'])
        .orderBy('study')
        .orderBy('participant_id')
        .execute();
      if (rows.length > 0) await writeRows(lake, engine, tables.participants, {}, rows, 'current');
      else {
        const empty = `SELECT ${tables.participants.columns.map((c) => `NULL AS "${c.name}"`).join(', ')}`;
        await copyToLake(
          lake,
          engine,
          `SELECT ${typedColumns(tables.participants)} FROM (${empty}) WHERE false`,
          rosterPath,
        );
      }
      if (!isRemote(lake.root)) await chmod(lake.uri(rosterPath), 0o600);
      if ((await storeRevision(store)) === revision) return rows.length;
    }
  } finally {
    await engine.close();
  }
}

/**
 * Publishes what a process that died between its commit and its roster left unpublished. Harmless to repeat; where there is
 * no store, or nobody in it, nothing is touched: an empty store may be a wrong FEEDTRIAL_STUDY_DB.
 * @returns number of participants in the roster; null where it was left alone
 */
export async function refreshRoster(config: Config): Promise<number | null> {
  if (!isRemoteStore(config) && !existsSync(config.studyDb)) return null;
  const store = await openStudyStore(config);
  try {
    const anyone = await store.db
      .selectFrom('participants')
      .select('participant_id')
      .limit(1)
      .executeTakeFirst();
    return anyone === undefined ? null : await publishRoster(store);
  } finally {
    await store.close();
  }
}

async function storeRevision(store: StudyStore): Promise<string> {
  const rows = await store.db.selectFrom('studies').select(['study', 'revision']).orderBy('study').execute();
  return JSON.stringify(rows);
}
