import { generationFolder } from '../../lake/feeds/index.ts';
import {
  copyToLake,
  openEngine,
  openLake,
  partitionFolder,
  publishFolder,
  readTable,
  sqlText,
  tables,
  typedColumns,
  type Engine,
} from '../../lake/index.ts';
import type { Config } from '../../ops/config/index.ts';
import { createProgress } from '../../ops/progress/index.ts';
import { newRunId, runStage } from '../../ops/telemetry/index.ts';
import { InferenceSession, Tensor } from '../onnxruntime.ts';
import type { SimilaritySummary } from './compute.ts';
import { createNumbers, numbersOf } from './columns.ts';
import { diversityScores } from './diversity.ts';
import { openEmbeddings } from './embeddings.ts';
import { productGraph } from './matrix-graph.ts';
import { dot, roundCosine, type Matrix } from './nearest.ts';

export interface ScorePairsOptions {
  config: Config;
  generation: string;
  /** What was computed of likes and embeddings for this generation. */
  similarity: SimilaritySummary;
  dag?: string;
  runId?: string;
  now?: () => number;
}

const askedFile = (generation: string) => `${generationFolder(generation)}/inputs/asked_pairs.parquet`;
const pairsFile = (generation: string) => `${partitionFolder(tables.pairs, { generation })}/pairs.parquet`;

interface AskedFeed {
  participant_id: string;
  sort_key: string;
  diversity_share: number | null;
}

/**
 * Answers the pairs of participants and posts that SQL asks for (`int_feeds__pairs`): each one's exact cosine to what the
 * participant liked, and, under a policy that wants variety, the value at which maximal marginal relevance picks it. These
 * are the two numbers that set-based SQL can't compute in time.
 * @returns number of pairs
 */
export async function scorePairs(options: ScorePairsOptions): Promise<number> {
  const {
    config,
    generation,
    similarity,
    dag = 'similarity',
    now = Date.now,
    runId = newRunId(now()),
  } = options;
  const lake = openLake(config.lake);
  const privateLake = openLake(config.privateLake);
  const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
  try {
    if (!(await privateLake.exists(askedFile(generation)))) return 0;
    return await runStage({ config, dag, runId, stage: 'pairs', now }, async (stage) => {
      const asked = `read_parquet(${sqlText(privateLake.uri(askedFile(generation)))}, hive_partitioning = false)`;
      const compared =
        similarity.publishId === null
          ? null
          : `read_parquet(${sqlText(lake.uri(`${publishFolder('queue', similarity.publishId)}/similarity_posts.parquet`))})`;
      const embeddings = readTable(lake, tables.embeddings);
      await engine.run(
        `CREATE TABLE posts AS SELECT uri, row_number() OVER (ORDER BY uri)::INTEGER AS post FROM (SELECT DISTINCT uri FROM ${asked})`,
      );
      await engine.run(
        compared === null || similarity.posts === 0
          ? 'CREATE TABLE chosen (row INTEGER, post INTEGER, uri VARCHAR)'
          : `CREATE TABLE chosen AS
             SELECT (row_number() OVER (ORDER BY post) - 1)::INTEGER AS row, post, uri, cid, version, max(struct_pack(labelled_at, run_id)) AS latest
             FROM ${embeddings} AS e
             JOIN (SELECT uri, cid, embedding_version AS version FROM ${compared}) AS c USING (uri, cid, version)
             JOIN posts USING (uri)
             GROUP BY post, uri, cid, version`,
      );
      // Pairs are numbered feed by feed, in order of URI: what is computed of them comes and goes as columns of numbers.
      await engine.run(
        `CREATE TABLE feeds AS
         SELECT *, (row_number() OVER (ORDER BY participant_id, policy, policy_version) - 1)::INTEGER AS feed
         FROM (SELECT DISTINCT participant_id, policy, policy_version, sort_key, diversity_share FROM ${asked})`,
      );
      await engine.run(
        `CREATE TABLE pairs AS
         SELECT (row_number() OVER (ORDER BY feed, post) - 1)::INTEGER AS pair, feed, post, chosen.row, base_score, is_in_network, candidate_source
         FROM ${asked} JOIN feeds USING (participant_id, policy, policy_version) JOIN posts USING (uri) LEFT JOIN chosen USING (post)`,
      );
      const [{ pairs = 0 } = {}] = await engine.rows<{ pairs: number }>(
        'SELECT count(*)::INTEGER AS pairs FROM pairs',
      );
      const feeds = await engine.rows<AskedFeed>(
        'SELECT participant_id, sort_key, diversity_share FROM feeds ORDER BY feed',
      );
      const source = await openEmbeddings(
        engine,
        (range) => `
          SELECT chosen.row, e.embedding FROM ${embeddings} AS e
          JOIN chosen
            ON e.uri = chosen.uri AND e.cid = chosen.cid AND e.version = chosen.version
            AND e.labelled_at = chosen.latest.labelled_at AND e.run_id = chosen.latest.run_id
          WHERE ${range}`,
        Infinity, // what a feed's candidates are compared with is anywhere
      );
      let matrix: Matrix = { values: new Float32Array(), rows: 0, width: 0 };
      for await (const slice of source.slices()) matrix = slice;

      const { participants, centers } = similarity.tastes;
      const centerOf = new Map(participants.map((participant, row) => [participant, row]));
      const personal = new Float64Array(pairs).fill(NaN);
      const diversity = new Float64Array(pairs).fill(NaN);
      const progress = createProgress({ label: 'pairs', unit: 'feeds' });
      const session =
        matrix.rows > 0 && feeds.some((feed) => feed.sort_key === 'diversity')
          ? await InferenceSession.create(productGraph(matrix.width), {
              intraOpNumThreads: 1, // several products at once instead, as for the nearest posts
              logSeverityLevel: 3,
            })
          : null;
      const answer = async ({ feed, first, rows, scores }: FeedPairs): Promise<void> => {
        const { participant_id, sort_key, diversity_share } = feeds[feed] as AskedFeed;
        const center = centerOf.get(participant_id);
        if (center !== undefined)
          for (const [i, row] of rows.entries())
            if (row >= 0) personal[first + i] = roundCosine(dot(centers, center, matrix, row));
        if (sort_key === 'diversity') {
          const embedded = rows.filter((row) => row >= 0);
          let at = 0;
          const places = Int32Array.from(rows, (row) => (row >= 0 ? at++ : -1));
          const cosines =
            session === null || embedded.length === 0 ? null : await product(session, matrix, embedded);
          diversity.set(diversityScores(scores, cosines, places, diversity_share ?? 0), first);
        }
        progress.advance(1);
      };
      try {
        const waiting = pairsByFeed(engine);
        const work = async (): Promise<void> => {
          for (let next = await waiting.next(); next.done !== true; next = await waiting.next())
            await answer(next.value);
        };
        await Promise.all(Array.from({ length: config.threads }, work));
      } finally {
        await session?.release();
      }
      progress.done();
      await createNumbers(engine, 'answers', {
        pair: { type: 'INTEGER', values: Int32Array.from(personal, (_, pair) => pair) },
        similarity_personal: { type: 'DOUBLE', values: personal },
        diversity_score: { type: 'DOUBLE', values: diversity },
      });
      await copyToLake(
        privateLake,
        engine,
        `SELECT ${typedColumns(tables.pairs)}
         FROM pairs JOIN answers USING (pair) JOIN feeds USING (feed) JOIN posts USING (post)
         ORDER BY pair`,
        pairsFile(generation),
      );
      await privateLake.remove(askedFile(generation)); // all that it says is in its answer
      stage.records = pairs;
      stage.detail.embedded_posts = matrix.rows;
      return pairs;
    });
  } finally {
    await engine.close();
  }
}

interface FeedPairs {
  feed: number;
  /** Number of its first pair. */
  first: number;
  /** Row of each candidate's embedding, -1 where it has none. */
  rows: number[];
  scores: number[];
}

/** The numbered pairs, a feed at a time. */
async function* pairsByFeed(engine: Engine): AsyncGenerator<FeedPairs> {
  let current: FeedPairs | null = null;
  let pair = 0;
  for await (const [feeds = [], rows = [], scores = []] of numbersOf(
    engine,
    'SELECT feed, coalesce(row, -1) AS row, base_score::DOUBLE FROM pairs ORDER BY pair',
  ))
    for (const [i, feed] of feeds.entries()) {
      if (current === null || current.feed !== feed) {
        if (current !== null) yield current;
        current = { feed, first: pair, rows: [], scores: [] };
      }
      current.rows.push(rows[i] as number);
      current.scores.push(scores[i] as number);
      pair++;
    }
  if (current !== null) yield current;
}

async function product(
  session: InferenceSession,
  posts: Matrix,
  rows: readonly number[],
): Promise<Float32Array> {
  const { width } = posts;
  const values = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    values.set(posts.values.subarray(row * width, (row + 1) * width), i * width);
  });
  const tensor = new Tensor('float32', values, [rows.length, width]);
  const { cosines } = await session.run({ rows: tensor, columns: tensor });
  return cosines?.data as Float32Array;
}
