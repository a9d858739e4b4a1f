import { z } from 'zod';
import { publishFolder, readTable, sqlText, tables, type Engine, type Lake } from '../lake/index.ts';
import { describeError } from '../ops/errors/index.ts';
import { enrichErrors } from './errors.ts';
import type { QueuedPost } from './labeler.ts';
import { samplePredicate, shardPredicate, type Shard } from './shard.ts';

const pointer = z.object({ publish_id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/) });

/** The queue in force. */
export interface Queue {
  publishId: string;
  /** `read_parquet(…)` of its rows. */
  relation: string;
}

/**
 * Follows `queue/current.json`.
 * @returns null where no queue was ever published
 * @throws FeedtrialError FT_ENRICH_QUEUE where the pointer leads nowhere
 */
export async function openQueue(lake: Lake): Promise<Queue | null> {
  const content = await lake.read('queue/current.json');
  if (content === null) return null;
  let publishId: string;
  try {
    publishId = pointer.parse(JSON.parse(Buffer.from(content).toString('utf8'))).publish_id;
  } catch (error) {
    throw enrichErrors.badQueuePointer(describeError(error));
  }
  const file = `${publishFolder('queue', publishId)}/labels.parquet`;
  if (!(await lake.exists(file))) throw enrichErrors.badQueuePointer(`${file} does not exist`);
  return { publishId, relation: `read_parquet(${sqlText(lake.uri(file))})` };
}

/** How many posts the queue has for whom, at which version; dead letters count where failed ones are asked again. */
export async function queuedVersions(
  engine: Engine,
  queue: Queue,
  retryFailed = false,
): Promise<{ labeler: string; version: string; posts: number }[]> {
  const rows = await engine.rows<{ labeler: string; version: string; posts: bigint }>(
    `SELECT labeler, version, count(*) AS posts FROM ${queue.relation}
     WHERE ${retryFailed} OR NOT coalesce(is_dead_letter, false) GROUP BY ALL ORDER BY ALL`,
  );
  return rows.map((row) => ({ ...row, posts: Number(row.posts) }));
}

export interface TodoOptions {
  lake: Lake;
  engine: Engine;
  queue: Queue;
  labeler: string;
  version: string;
  shard: Shard;
  limit: number | undefined;
  /** Ask about this share of the posts, the same ones in every run; 1 for all. */
  sample: number;
  /** Ask again about what failed, dead letters included, and about nothing else. */
  retryFailed: boolean;
  /** Version of the stored embeddings to hand over; undefined where none are wanted. */
  embeddingVersion: string | undefined;
}

/** What a run still has to ask: the queue without what was labelled since it was published. */
export interface Todo {
  posts: number;
  /** Posts in the queue's order: priority, then newest, then URI. */
  pages(): AsyncGenerator<QueuedPost[]>;
  close(): Promise<void>;
}

const postsPerPage = 5_000;

const hasFiles = async (lake: Lake, folder: string): Promise<boolean> =>
  (await lake.list(folder)).some((file) => file.path.endsWith('.parquet'));

/** Rows of this labeler and version that exist: (uri, cid, status, attempt). */
async function answered({ lake, labeler, version }: TodoOptions): Promise<string> {
  const found: string[] = [];
  const of = `WHERE labeler = ${sqlText(labeler)} AND version = ${sqlText(version)}`;
  if (await hasFiles(lake, `${tables.labels.folder}/labeler=${labeler}`))
    found.push(`SELECT uri, cid, status, attempt FROM ${readTable(lake, tables.labels)} ${of}`);
  if (await hasFiles(lake, tables.embeddings.folder))
    found.push(
      `SELECT uri, cid, 'ok' AS status, 1 AS attempt FROM ${readTable(lake, tables.embeddings)} ${of}`,
    );
  return found.join(' UNION ALL ') || "SELECT '' AS uri, '' AS cid, 'ok' AS status, 1 AS attempt WHERE false";
}

/**
 * Works out what is left to ask. A queue says what was missing when it was published; what this labeler has said since
 * then, in this run's predecessors, is taken off, so that nothing is asked twice before the next transform.
 */
export async function openTodo(options: TodoOptions): Promise<Todo> {
  const { lake, engine, queue, labeler, version, shard, limit, sample, retryFailed, embeddingVersion } =
    options;
  await engine.run(`
    CREATE OR REPLACE TEMP TABLE todo AS
    WITH
    queued AS (
      SELECT DISTINCT ON (uri, cid) uri, cid, did, text, attempt, priority, event_us
      FROM ${queue.relation}
      WHERE labeler = ${sqlText(labeler)} AND version = ${sqlText(version)} AND ${shardPredicate(shard, 'uri')}
        AND ${samplePredicate(sample, 'uri')} AND (${retryFailed} OR NOT coalesce(is_dead_letter, false))
      ORDER BY uri, cid, attempt DESC
    ),
    answered AS (
      SELECT uri, cid, bool_or(status = 'ok') AS is_labelled, bool_or(status <> 'failed') AS is_final, max(attempt) AS attempts
      FROM (${await answered(options)}) GROUP BY uri, cid
    )
    SELECT
      row_number() OVER (ORDER BY queued.priority, queued.event_us DESC, queued.uri, queued.cid) AS place,
      queued.uri, queued.cid, queued.did, coalesce(queued.text, '') AS post_text,
      ${retryFailed ? 'greatest(queued.attempt, coalesce(answered.attempts, 0) + 1)' : 'queued.attempt'} AS attempt
    FROM queued LEFT JOIN answered ON answered.uri = queued.uri AND answered.cid = queued.cid
    WHERE ${
      retryFailed
        ? // who was never asked, or answered meanwhile, has not failed
          '(queued.attempt > 1 OR answered.uri IS NOT NULL) AND NOT coalesce(answered.is_final, false)'
        : '(answered.uri IS NULL OR NOT (answered.is_labelled OR answered.attempts >= queued.attempt))'
    }`);
  const [counted] = await engine.rows<{ posts: bigint }>('SELECT count(*) AS posts FROM todo');
  const posts = Math.min(Number(counted?.posts ?? 0), limit ?? Infinity);
  const stored =
    embeddingVersion !== undefined && (await hasFiles(lake, tables.embeddings.folder))
      ? `(SELECT uri, cid, any_value(embedding) AS embedding FROM ${readTable(lake, tables.embeddings)}
          WHERE labeler = 'embeddings' AND version = ${sqlText(embeddingVersion)}
            AND uri IN (SELECT uri FROM page) GROUP BY uri, cid)`
      : "(SELECT '' AS uri, '' AS cid, CAST(NULL AS FLOAT[]) AS embedding WHERE false)";
  return {
    posts,
    async *pages() {
      for (let from = 0; from < posts; from += postsPerPage) {
        const rows = await engine.rows<{
          uri: string;
          cid: string;
          did: string;
          post_text: string;
          attempt: number;
          embedding: number[] | null;
        }>(`
          WITH page AS (FROM todo WHERE place > ${from} AND place <= ${Math.min(from + postsPerPage, posts)})
          SELECT page.uri, page.cid, page.did, page.post_text, page.attempt, stored.embedding
          FROM page LEFT JOIN ${stored} AS stored ON stored.uri = page.uri AND stored.cid = page.cid
          ORDER BY page.place`);
        yield rows.map(({ post_text, embedding, ...post }) => ({
          ...post,
          text: post_text,
          embedding: embedding === null ? null : Float32Array.from(embedding),
        }));
      }
    },
    async close() {
      await engine.run('DROP TABLE IF EXISTS todo');
    },
  };
}
