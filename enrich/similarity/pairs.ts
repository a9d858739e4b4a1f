import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { once } from 'node:events';
import { generationFolder } from '../../lake/feeds/index.ts';
import {
  copyToLake,
  openEngine,
  openLake,
  partitionFolder,
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
import { diversityScores } from './diversity.ts';
import { embeddedBlocks } from './embeddings.ts';
import { productGraph } from './matrix-graph.ts';
import { roundCosine, type Matrix } from './nearest.ts';

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
  policy: string;
  policy_version: string;
  sort_key: string;
  diversity_share: number | null;
  /** Numbers of the candidates, in order of URI, and their scores. */
  numbers: number[];
  scores: number[];
}

/** Embeddings of the asked posts by their number; a post without one has row -1. */
async function readEmbeddings(engine: Engine): Promise<{ rowOf: Int32Array; matrix: Matrix }> {
  const [{ posts = 0, embedded = 0 } = {}] = await engine.rows<{ posts: number; embedded: number }>(
    `SELECT (SELECT count(*)::DOUBLE FROM numbered) AS posts, (SELECT count(*)::DOUBLE FROM chosen) AS embedded`,
  );
  const rowOf = new Int32Array(posts + 1).fill(-1);
  const numberOf = new Map<string, number>();
  for (const { uri, number } of await engine.rows<{ uri: string; number: number }>(
    'SELECT uri, number FROM numbered WHERE uri IN (SELECT uri FROM chosen)',
  ))
    numberOf.set(uri, number);
  let values = new Float32Array();
  let rows = 0;
  let width = 0;
  for await (const block of embeddedBlocks(engine, 'SELECT uri, embedding FROM chosen ORDER BY uri')) {
    if (width === 0) {
      width = block.width;
      values = new Float32Array(embedded * width);
    }
    values.set(block.values.subarray(0, block.rows * width), rows * width);
    for (const uri of block.uris) rowOf[numberOf.get(uri) ?? 0] = rows++;
  }
  return { rowOf, matrix: { values, rows, width } };
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
          : `read_parquet(${sqlText(lake.uri(`queue/publish=${similarity.publishId}/similarity_posts.parquet`))})`;
      await engine.run(
        `CREATE TABLE numbered AS SELECT uri, row_number() OVER (ORDER BY uri)::INTEGER AS number FROM (SELECT DISTINCT uri FROM ${asked})`,
      );
      const embeddings = readTable(lake, tables.embeddings);
      await engine.run(
        compared === null || similarity.posts === 0
          ? 'CREATE TABLE chosen (uri VARCHAR, embedding FLOAT[])'
          : `CREATE TABLE chosen AS
             SELECT uri, arg_max(embedding, row(labelled_at, run_id)) AS embedding
             FROM ${embeddings} AS e
             SEMI JOIN (SELECT uri, cid, embedding_version FROM ${compared} SEMI JOIN numbered USING (uri)) AS c
               ON e.uri = c.uri AND e.cid = c.cid AND e.version = c.embedding_version
             GROUP BY uri`,
      );
      const { rowOf, matrix } = await readEmbeddings(engine);
      const { participants, centers } = similarity.tastes;
      const centerOf = new Map(participants.map((participant, row) => [participant, row]));
      const { width } = matrix;

      const feeds = await engine.rows<AskedFeed>(
        `SELECT participant_id, policy, policy_version, any_value(sort_key) AS sort_key, any_value(diversity_share) AS diversity_share,
           list(number ORDER BY number) AS numbers, list(base_score ORDER BY number) AS scores
         FROM ${asked} JOIN numbered USING (uri) GROUP BY ALL ORDER BY ALL`,
      );
      const session =
        matrix.rows > 0 && feeds.some((feed) => feed.sort_key === 'diversity')
          ? await InferenceSession.create(productGraph(width), {
              intraOpNumThreads: config.threads,
              logSeverityLevel: 3,
            })
          : null;
      const answers = path.join(engine.scratch, 'pairs.ndjson');
      const out = createWriteStream(answers);
      const progress = createProgress({ label: 'pairs', unit: 'feeds' });
      try {
        for (const feed of feeds) {
          const { numbers, scores } = feed;
          const rows = Int32Array.from(numbers, (number) => rowOf[number] ?? -1);
          let personal: (number | null)[] = numbers.map(() => null);
          let diversity: (number | null)[] = personal;
          const center = centerOf.get(feed.participant_id);
          if (center !== undefined)
            personal = Array.from(rows, (row) => (row < 0 ? null : cosine(centers, center, matrix, row)));
          if (feed.sort_key === 'diversity') {
            const embedded = rows.filter((row) => row >= 0);
            const places = new Int32Array(rows.length).fill(-1);
            let at = 0;
            rows.forEach((row, i) => {
              if (row >= 0) places[i] = at++;
            });
            const cosines =
              session === null || embedded.length === 0 ? null : await product(session, matrix, embedded);
            diversity = diversityScores(scores, cosines, places, feed.diversity_share ?? 0);
          }
          const line = JSON.stringify({
            participant_id: feed.participant_id,
            policy: feed.policy,
            policy_version: feed.policy_version,
            numbers,
            personal,
            diversity,
          });
          if (!out.write(`${line}\n`)) await once(out, 'drain');
          progress.advance(1);
        }
      } finally {
        await session?.release();
        out.end();
        await once(out, 'finish');
      }
      progress.done();
      const answered = `
        SELECT participant_id, policy, policy_version, unnest(numbers) AS number,
          unnest(personal) AS similarity_personal, unnest(diversity) AS diversity_score
        FROM read_json(${sqlText(answers)}, format = 'newline_delimited', maximum_object_size = 67108864, columns = {
          participant_id: 'VARCHAR', policy: 'VARCHAR', policy_version: 'VARCHAR', numbers: 'INTEGER[]', personal: 'DOUBLE[]', diversity: 'DOUBLE[]'})`;
      await copyToLake(
        privateLake,
        engine,
        `SELECT ${typedColumns(tables.pairs)}
         FROM (${answered}) JOIN numbered USING (number) JOIN ${asked} AS asked USING (participant_id, policy, policy_version, uri)
         ORDER BY participant_id, policy, policy_version, uri`,
        pairsFile(generation),
      );
      await privateLake.remove(askedFile(generation)); // all that it says is in its answer
      const pairs = feeds.reduce((total, { numbers }) => total + numbers.length, 0);
      stage.records = pairs;
      stage.detail.embedded_posts = matrix.rows;
      return pairs;
    });
  } finally {
    await engine.close();
  }
}

function cosine(centers: Matrix, center: number, posts: Matrix, post: number): number {
  const { width } = posts;
  let dot = 0;
  for (let i = 0; i < width; i++)
    dot += (centers.values[center * width + i] as number) * (posts.values[post * width + i] as number);
  return roundCosine(dot);
}

async function product(session: InferenceSession, posts: Matrix, rows: Int32Array): Promise<Float32Array> {
  const { width } = posts;
  const values = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    values.set(posts.values.subarray(row * width, (row + 1) * width), i * width);
  });
  const { cosines } = await session.run({ posts: new Tensor('float32', values, [rows.length, width]) });
  return cosines?.data as Float32Array;
}
