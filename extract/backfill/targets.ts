import {
  openEngine,
  openLake,
  currentRows,
  readTable,
  sqlText,
  tables,
  type Engine,
  type Lake,
} from '../../lake/index.ts';
import type { Config } from '../../ops/config/index.ts';
import { openGaps } from './known.ts';

const hasRows = async (lake: Lake, folder: string): Promise<boolean> =>
  (await lake.list(folder)).some(({ path }) => path.endsWith('.parquet') && !path.endsWith('/empty.parquet'));

/** Participants of the configured study who are in it now, from the roster in the private lake. */
async function participantsOf(config: Config, engine: Engine): Promise<string[]> {
  const lake = openLake(config.privateLake);
  if (!(await hasRows(lake, tables.participants.folder))) return [];
  const rows = await engine.rows<{ did: string }>(`
    SELECT DISTINCT did FROM ${readTable(lake, tables.participants)}
    WHERE study = ${sqlText(config.study)} AND status <> 'withdrawn' AND did IS NOT NULL ORDER BY did`);
  return rows.map(({ did }) => did);
}

/** Whom they follow, as far as the lake has their follows. */
async function followsOf(dids: readonly string[], lake: Lake, engine: Engine): Promise<string[]> {
  if (dids.length === 0 || !(await hasRows(lake, tables.records.folder))) return [];
  const rows = await engine.rows<{ did: string }>(`
    WITH follows AS (
      SELECT did, rkey,
        arg_max("operation", concat(rev, ' ', CASE WHEN verified THEN '1' ELSE '0' END, "source", segment)) AS "operation",
        max(json_extract_string(record, '$.subject')) AS subject
      FROM ${await currentRows(lake, tables.records)}
      WHERE collection_group = 'app.bsky.graph.follow' AND did IN (${dids.map(sqlText).join(', ')})
      GROUP BY did, rkey
    )
    SELECT DISTINCT subject AS did FROM follows WHERE "operation" <> 'delete' AND subject LIKE 'did:%' ORDER BY did`);
  return rows.map(({ did }) => did);
}

export type TargetsOf = 'participants' | 'follows' | 'gaps';

/**
 * Whose repositories are meant.
 *
 *   participants  those in the study now
 *   follows       those whom participants follow, as far as the lake has the participants' repositories
 *   gaps          those whose chain of commits is broken
 */
export async function findTargets(config: Config, of: TargetsOf): Promise<string[]> {
  const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
  try {
    const lake = openLake(config.lake);
    if (of === 'gaps')
      return [
        ...new Set(
          (await openGaps(engine, lake, 'repositories')).flatMap(({ statement }) => statement.did ?? []),
        ),
      ];
    const participants = await participantsOf(config, engine);
    return of === 'participants' ? participants : await followsOf(participants, lake, engine);
  } finally {
    await engine.close();
  }
}
