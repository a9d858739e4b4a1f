import {
  currentRows,
  openLake,
  publishFolder,
  readTable,
  sqlText,
  tables,
  type Engine,
  type Lake,
} from '../../lake/index.ts';
import { readCurrentGeneration, type CurrentGeneration } from '../../lake/feeds/index.ts';
import type { Config } from '../config/index.ts';

export interface LabelCoverage {
  labeler: string;
  /** Posts with at least one answer of this labeler. */
  labelled: number;
  /** Posts that the queue in force asks it about. */
  queued: number;
  /** Posts that it was asked about and gave no answer to. */
  failed: number;
}

export interface LakeStatus {
  /** Records in raw/records; 0 on a fresh checkout. */
  records: number;
  /** Witness time of the newest record that was witnessed live, microseconds UTC. */
  lastEventUs: number | null;
  gaps: { kind: string; open: number; oldestUs: number | null }[];
  /** Rejected events of the last seven days, by reason. */
  rejected: { reason: string; events: number; lastUs: number }[];
  queue: { publishId: string; publishedMs: number } | null;
  coverage: LabelCoverage[];
  generation: CurrentGeneration | null;
  participants: number;
}

const hasRows = async (lake: Lake, folder: string): Promise<boolean> =>
  (await lake.list(folder)).some((f) => f.path.endsWith('.parquet') && !f.path.endsWith('/empty.parquet'));

const number = (value: unknown): number => Number(value ?? 0);
const numberOrNull = (value: unknown): number | null => (value == null ? null : Number(value));

async function readGaps(lake: Lake, engine: Engine): Promise<LakeStatus['gaps']> {
  if (!(await hasRows(lake, tables.gaps.folder))) return [];
  const rows = await engine.rows(`
    WITH latest AS (
      SELECT gap_id, arg_max(kind, event_us) AS kind, bool_or(state = 'closed') AS is_closed, min(from_us) AS from_us,
        max(to_us) AS to_us
      FROM ${readTable(lake, tables.gaps)} GROUP BY gap_id)
    SELECT kind, count(*) AS open, min(from_us) AS oldest_us FROM latest
    -- collections that are left out until somebody asks for them again are no fault
    WHERE NOT is_closed AND NOT (kind = 'collections_changed' AND to_us IS NULL) GROUP BY kind ORDER BY open DESC, kind`);
  return rows.map((r) => ({
    kind: String(r.kind),
    open: number(r.open),
    oldestUs: numberOrNull(r.oldest_us),
  }));
}

async function readRejected(lake: Lake, engine: Engine, sinceUs: number): Promise<LakeStatus['rejected']> {
  if (!(await hasRows(lake, tables.rejected.folder))) return [];
  const rows = await engine.rows(`
    SELECT reason, count(*) AS events, max(ingested_at) AS last_us FROM ${await currentRows(lake, tables.rejected)}
    WHERE ingested_at >= ${Math.round(sinceUs)} GROUP BY reason ORDER BY events DESC, reason`);
  return rows.map((r) => ({
    reason: String(r.reason),
    events: number(r.events),
    lastUs: number(r.last_us),
  }));
}

async function readRecords(lake: Lake, engine: Engine): Promise<Pick<LakeStatus, 'records' | 'lastEventUs'>> {
  // the newest day comes from the file names: DuckDB 1.5.5 fails on max() of a partition key
  const days = (await lake.list(tables.records.folder))
    .filter((file) => !file.path.endsWith('/empty.parquet'))
    .flatMap((file) => /\/dt=([^/]+)\//.exec(file.path)?.[1] ?? []);
  const newestDay = days.sort().at(-1);
  if (newestDay === undefined) return { records: 0, lastEventUs: null };
  const records = await currentRows(lake, tables.records);
  const [total] = await engine.rows(`SELECT count(*) AS n FROM ${records}`); // from the files' footers
  const [newest] = await engine.rows(
    `SELECT max(event_us) AS us FROM ${records} WHERE live AND dt = ${sqlText(newestDay)}`,
  );
  return { records: number(total?.n), lastEventUs: numberOrNull(newest?.us) };
}

async function readQueue(lake: Lake, engine: Engine) {
  const pointer = await lake.read('queue/current.json');
  if (pointer === null) return { queue: null, queued: new Map<string, number>() };
  const { publish_id: publishId } = JSON.parse(Buffer.from(pointer).toString('utf8')) as {
    publish_id: string;
  };
  const file = `${publishFolder('queue', publishId)}/labels.parquet`;
  const published = (await lake.list('queue')).find((f) => f.path === 'queue/current.json');
  const rows = (await lake.exists(file))
    ? await engine.rows(
        `SELECT labeler, count(DISTINCT uri) AS n FROM read_parquet(${sqlText(lake.uri(file))})
         WHERE is_dead_letter IS NOT TRUE GROUP BY labeler`,
      )
    : [];
  return {
    queue: { publishId, publishedMs: published?.modifiedMs ?? 0 },
    queued: new Map(rows.map((r) => [String(r.labeler), number(r.n)])),
  };
}

async function readCoverage(
  lake: Lake,
  engine: Engine,
  queued: Map<string, number>,
): Promise<LabelCoverage[]> {
  const found = new Map<string, LabelCoverage>();
  const entry = (labeler: string): LabelCoverage => {
    const known = found.get(labeler) ?? { labeler, labelled: 0, queued: queued.get(labeler) ?? 0, failed: 0 };
    found.set(labeler, known);
    return known;
  };
  for (const labeler of queued.keys()) entry(labeler);
  if (await hasRows(lake, tables.labels.folder)) {
    const rows = await engine.rows(`
      WITH posts AS (
        SELECT labeler, uri, bool_or(status = 'ok') AS answered
        FROM ${readTable(lake, tables.labels)} GROUP BY labeler, uri)
      SELECT labeler, count(*) FILTER (answered) AS labelled, count(*) FILTER (NOT answered) AS failed
      FROM posts GROUP BY labeler`);
    for (const r of rows)
      Object.assign(entry(String(r.labeler)), { labelled: number(r.labelled), failed: number(r.failed) });
  }
  if (await hasRows(lake, tables.embeddings.folder)) {
    const rows = await engine.rows(
      `SELECT labeler, count(DISTINCT uri) AS n FROM ${readTable(lake, tables.embeddings)} GROUP BY labeler`,
    );
    for (const r of rows) entry(String(r.labeler)).labelled = number(r.n);
  }
  return [...found.values()].sort((a, b) => (a.labeler < b.labeler ? -1 : 1));
}

/** What the lake's files say. The warehouse isn't opened: a run may hold it. */
export async function readLake(config: Config, engine: Engine, nowUs: number): Promise<LakeStatus> {
  const lake = openLake(config.lake);
  const privateLake = openLake(config.privateLake);
  const { queue, queued } = await readQueue(lake, engine);
  const roster = 'participants/current.parquet';
  const enrolled = (await privateLake.exists(roster))
    ? await engine.rows(
        `SELECT count(*) AS n FROM read_parquet(${sqlText(privateLake.uri(roster))}) WHERE status = 'active'`,
      )
    : [];
  return {
    ...(await readRecords(lake, engine)),
    gaps: await readGaps(lake, engine),
    rejected: await readRejected(lake, engine, nowUs - 7 * 86_400e6),
    queue,
    coverage: await readCoverage(lake, engine, queued),
    generation: await readCurrentGeneration(lake),
    participants: number(enrolled[0]?.n),
  };
}
