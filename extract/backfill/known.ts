import { currentRows, sqlText, tables, type Engine, type Lake } from '../../lake/index.ts';
import type { GapStatement } from '../capture/index.ts';

/** A record as the lake has it now. */
export interface KnownRecord {
  cid: string | null;
  rev: string;
  verified: boolean;
}

/** What the lake knows of repositories before they are fetched. */
export interface Known {
  /** Records of a repository that stand, by path. */
  records(did: string): Promise<Map<string, KnownRecord>>;
  /** Newest revision that any source reported; null where none did. */
  rev(did: string): Promise<string | null>;
}

const hasRows = async (lake: Lake, folder: string): Promise<boolean> =>
  (await lake.list(folder)).some(({ path }) => path.endsWith('.parquet') && !path.endsWith('/empty.parquet'));

/** Puts DIDs into the temporary table `targets`. */
export async function nameTargets(engine: Engine, dids: readonly string[]): Promise<void> {
  await engine.run('CREATE OR REPLACE TEMP TABLE targets (did VARCHAR)');
  for (let i = 0; i < dids.length; i += 1_000)
    await engine.run(
      `INSERT INTO targets VALUES ${dids
        .slice(i, i + 1_000)
        .map((did) => `(${sqlText(did)})`)
        .join(', ')}`,
    );
}

/**
 * Folds what the lake has of the repositories in `targets`, as staging does, once for all of them: by revision, then verified before
 * unverified. It is read before anything is fetched, so that what happens meanwhile is never taken for missing.
 */
export async function openKnown(engine: Engine, lake: Lake): Promise<Known> {
  if (!(await hasRows(lake, tables.records.folder)))
    return { records: async () => new Map(), rev: async () => null };
  await engine.run(`
    CREATE OR REPLACE TEMP TABLE known AS
    SELECT did, concat("collection", '/', rkey) AS path, max(rev) AS rev,
      arg_max("operation", fold_key) AS "operation", arg_max(cid, fold_key) AS cid, arg_max(verified, fold_key) AS verified
    FROM (
      SELECT did, "collection", rkey, rev, "operation", cid, verified,
        concat(rev, ' ', CASE WHEN verified THEN '1' ELSE '0' END, "source", ' ', segment) AS fold_key
      FROM ${await currentRows(lake, tables.records)} WHERE did IN (FROM targets)
    )
    GROUP BY ALL ORDER BY did`);
  return {
    async records(did) {
      const rows = await engine.rows<{ path: string; cid: string | null; rev: string; verified: boolean }>(
        `SELECT path, cid, rev, verified FROM known WHERE did = ${sqlText(did)} AND "operation" <> 'delete'`,
      );
      return new Map(rows.map(({ path, ...record }) => [path, record]));
    },
    async rev(did) {
      const [row] = await engine.rows<{ rev: string | null }>(
        `SELECT max(rev) AS rev FROM known WHERE did = ${sqlText(did)}`,
      );
      return row?.rev ?? null;
    },
  };
}

/** A gap that is open. */
export interface OpenGap {
  statement: GapStatement;
  /** When it was stated last, microseconds UTC. */
  statedUs: number;
}

/**
 * Gaps that nothing has closed yet.
 * @param where 'repositories' gives those of one repository each, 'streams' those of a whole stream
 */
export async function openGaps(
  engine: Engine,
  lake: Lake,
  where: 'repositories' | 'streams',
): Promise<OpenGap[]> {
  if (!(await hasRows(lake, tables.gaps.folder))) return [];
  const columns = ['kind', 'state', 'did', 'collection', 'from_us', 'to_us', 'from_seq', 'to_seq', 'detail'];
  const rows = await engine.rows<Record<string, string | bigint | null>>(`
    WITH latest AS (
      SELECT gap_id, max(event_us) AS stated_us, bool_or(state = 'closed') AS is_closed,
        ${columns.map((name) => `last("${name}" ORDER BY event_us, ingested_at, segment) AS "${name}"`).join(', ')}
      FROM ${await currentRows(lake, tables.gaps)} GROUP BY gap_id
    )
    SELECT * EXCLUDE (is_closed) FROM latest WHERE NOT is_closed AND did IS ${where === 'repositories' ? 'NOT ' : ''}NULL ORDER BY stated_us, gap_id`);
  const plain = (value: string | bigint | null | undefined) =>
    typeof value === 'bigint' ? Number(value) : (value ?? null);
  return rows.map(({ stated_us: statedUs, ...row }) => ({
    statement: Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, plain(value)]),
    ) as unknown as GapStatement,
    statedUs: Number(statedUs),
  }));
}
