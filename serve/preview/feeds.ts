import { createHmac } from 'node:crypto';
import {
  collectionGroup,
  findFeeds,
  openEngine,
  partitionTime,
  sqlText,
  tables,
  type Engine,
  type Lake,
} from '../../lake/index.ts';

/** A post at its place, with what put it there. */
export interface PreviewPost {
  uri: string;
  author: string;
  handle: string | null;
  text: string | null;
  hoursOld: number;
  position: number;
  positionBeforeShuffle: number;
  propensity: number | null;
  score: number;
  candidateSource: string;
  isInNetwork: boolean;
  servedBefore: boolean;
  likes: number | null;
  likeScore: number | null;
  freshnessScore: number | null;
  similarity: number | null;
  toxic: number | null;
  constructive: number | null;
  sociopolitical: number | null;
  treatmentMultiplier: number | null;
  superposterMultiplier: number | null;
  /** Other arm -> place that it would have had there. */
  elsewhere: Record<string, number>;
}

export interface PreviewFeed {
  participantId: string;
  arm: string;
  policy: string;
  posts: PreviewPost[];
}

/** Arms as letters: which is which can't be told without the study's key. */
export function maskArms(arms: readonly string[], key: string): Map<string, string> {
  const order = (arm: string): string => createHmac('sha256', key).update(`preview ${arm}`).digest('hex');
  return new Map(
    [...arms]
      .sort((a, b) => (order(a) < order(b) ? -1 : 1))
      .map((arm, i) => [arm, `Arm ${String.fromCharCode(65 + i)}`]),
  );
}

interface FeedRow {
  uri: string;
  author_did: string;
  age_hours: number;
  position: number;
  event_us: bigint;
  [column: string]: unknown;
}

const asNumber = (value: unknown): number | null =>
  value === null || value === undefined ? null : Number(value);

/** One participant's feed of a generation, with the posts' words where the lake has them. */
export async function readPreview(
  lake: Lake,
  generation: string,
  participantId: string,
): Promise<PreviewFeed | null> {
  const file = await findFeeds(lake, generation);
  if (file === null) return null;
  const engine = await openEngine({ memoryLimit: '512MB', threads: 1 });
  try {
    const rows = await engine.rows<FeedRow>(
      `SELECT * FROM read_parquet(${sqlText(lake.uri(file))}, hive_partitioning = false)
       WHERE participant_id = ${sqlText(participantId)} ORDER BY "position"`,
    );
    const [first] = rows;
    if (first === undefined) return null;
    const words = await readWords(lake, engine, rows);
    const handles = await readHandles(lake, engine, rows);
    return {
      participantId,
      arm: String(first.arm),
      policy: String(first.policy),
      posts: rows.map((row) => ({
        uri: row.uri,
        author: row.author_did,
        handle: handles.get(row.author_did) ?? null,
        text: words.get(row.uri) ?? null,
        hoursOld: row.age_hours,
        position: row.position,
        positionBeforeShuffle: Number(row.position_before_shuffle),
        propensity: asNumber(row.propensity),
        score: Number(row.score),
        candidateSource: String(row.candidate_source),
        isInNetwork: row.is_in_network === true,
        servedBefore: row.served_before === true,
        likes: asNumber(row.likes),
        likeScore: asNumber(row.like_score),
        freshnessScore: asNumber(row.freshness_score),
        similarity: asNumber(row.similarity),
        toxic: asNumber(row.toxic),
        constructive: asNumber(row.constructive),
        sociopolitical: asNumber(row.sociopolitical),
        treatmentMultiplier: asNumber(row.treatment_multiplier),
        superposterMultiplier: asNumber(row.superposter_multiplier),
        elsewhere: JSON.parse(
          typeof row.counterfactual_positions === 'string' ? row.counterfactual_positions : '{}',
        ) as Record<string, number>,
      })),
    };
  } finally {
    await engine.close();
  }
}

/** Words of posts by URI, read only from the days on which they were witnessed. */
async function readWords(lake: Lake, engine: Engine, rows: readonly FeedRow[]): Promise<Map<string, string>> {
  const group = collectionGroup('app.bsky.feed.post');
  const days = [...new Set(rows.map(({ event_us }) => partitionTime(Number(event_us)).dt))];
  const folder = `${tables.records.folder}/collection_group=${group}`;
  const files = (await Promise.all(days.map((dt) => lake.list(`${folder}/dt=${dt}`))))
    .flat()
    .filter(({ path }) => path.endsWith('.parquet'));
  if (files.length === 0) return new Map();
  const list = files.map(({ path }) => sqlText(lake.uri(path))).join(', ');
  const wanted = rows.map(({ uri }) => `(${sqlText(uri)})`).join(', ');
  const found = await engine.rows<{ uri: string; text: string | null }>(
    `SELECT uri, max_by(json_extract_string(record, '$.text'), rev) AS text
     FROM (
       SELECT 'at://' || did || '/' || "collection" || '/' || rkey AS uri, record, rev
       FROM read_parquet([${list}], hive_partitioning = false, union_by_name = true) WHERE record IS NOT NULL
     ) WHERE uri IN (SELECT * FROM (VALUES ${wanted})) GROUP BY uri`,
  );
  return new Map(found.flatMap(({ uri, text }) => (text === null ? [] : [[uri, text] as const])));
}

async function readHandles(
  lake: Lake,
  engine: Engine,
  rows: readonly FeedRow[],
): Promise<Map<string, string>> {
  const files = (await lake.list(tables.identities.folder)).filter(({ path }) => path.endsWith('.parquet'));
  if (files.length === 0) return new Map();
  const list = files.map(({ path }) => sqlText(lake.uri(path))).join(', ');
  const dids = [...new Set(rows.map(({ author_did }) => author_did))].map(sqlText).join(', ');
  const found = await engine.rows<{ did: string; handle: string | null }>(
    `SELECT did, max_by(handle, event_us) AS handle FROM read_parquet([${list}], hive_partitioning = false)
     WHERE did IN (${dids}) GROUP BY did`,
  );
  return new Map(found.flatMap(({ did, handle }) => (handle === null ? [] : [[did, handle] as const])));
}
