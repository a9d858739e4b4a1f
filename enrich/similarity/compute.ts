import { readSimilarityPublishId } from './published.ts';
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
  type Lake,
} from '../../lake/index.ts';
import type { Config } from '../../ops/config/index.ts';
import { createProgress } from '../../ops/progress/index.ts';
import { log, newRunId, runStage } from '../../ops/telemetry/index.ts';
import { openCenters } from './centers.ts';
import { createNumbers, numbersOf } from './columns.ts';
import { openEmbeddings } from './embeddings.ts';
import { dot, openNearestPosts, roundCosine, type Matrix, type Neighbour } from './nearest.ts';

export interface SimilarityOptions {
  config: Config;
  /** Whose inputs to read; the queue in force by default. */
  publishId?: string;
  /** Embeddings that were made later are not known, microseconds UTC; by default all are. */
  knownAtUs?: number;
  /** Posts that are kept a participant, the nearest. */
  nearest?: number;
  dag?: string;
  runId?: string;
  now?: () => number;
}

export interface SimilaritySummary {
  /** Where ranking reads it: `similarity/posts/set=<set>`; `noSimilarity` where there was nothing to compare. */
  set: string;
  posts: number;
  popularPosts: number;
  participants: number;
  /** Queue whose inputs were read; null where there is none. */
  publishId: string | null;
  /** What each participant liked, as one direction of unit length; a row a participant. */
  tastes: { participants: string[]; centers: Matrix };
}

/** The set without rows that every lake has. Ranking takes the policy's own value for posts without a similarity. */
export const noSimilarity = '_none';

/**
 * Computes the exact cosine of every eligible post to the centroid of popular posts, and each participant's nearest
 * posts by the weighted mean of what they liked. SQL says which posts are compared, which are popular and what a like
 * weighs (`similarity_posts`, `similarity_likes`). Embeddings are read once, or twice where they are too many to hold.
 * @returns the new set; `noSimilarity` where no transform has published inputs or nothing is embedded
 * @throws FeedtrialError FT_SIMILARITY_WIDTH
 */
export async function computeSimilarity(options: SimilarityOptions): Promise<SimilaritySummary> {
  const { config, nearest = 200, dag = 'similarity', now = Date.now, runId = newRunId(now()) } = options;
  return runStage({ config, dag, runId, stage: 'similarity', now }, async (stage) => {
    const lake = openLake(config.lake);
    const privateLake = openLake(config.privateLake);
    const publishId = options.publishId ?? (await readSimilarityPublishId(lake));
    const nothing: SimilaritySummary = {
      set: noSimilarity,
      posts: 0,
      popularPosts: 0,
      participants: 0,
      publishId,
      tastes: { participants: [], centers: { values: new Float32Array(), rows: 0, width: 0 } },
    };
    stage.records = 0;
    if (publishId === null) return nothing;
    const postsFile = `${publishFolder('queue', publishId)}/similarity_posts.parquet`;
    const likesFile = `${publishFolder('queue', publishId)}/similarity_likes.parquet`;
    if (!(await lake.exists(postsFile)) || !(await privateLake.exists(likesFile))) {
      log.warn('the queue in force has no inputs for similarity; posts are ranked without it', { publishId });
      return nothing;
    }

    const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
    try {
      const posts = `read_parquet(${sqlText(lake.uri(postsFile))})`;
      const likes = `read_parquet(${sqlText(privateLake.uri(likesFile))})`;
      // One embedding a post: the latest of the version that is asked for, found on narrow columns.
      const embeddings = readTable(lake, tables.embeddings);
      await engine.run(`CREATE TABLE compared AS SELECT * FROM ${posts}`);
      await engine.run(`CREATE TABLE liked AS SELECT participant_id, uri, weight FROM ${likes}`);
      await engine.run(`
        CREATE TABLE embedded AS
        SELECT uri, cid, version, max(struct_pack(labelled_at, run_id)) AS latest
        FROM ${embeddings}
        WHERE version IN (SELECT DISTINCT embedding_version FROM compared)${
          options.knownAtUs === undefined
            ? ''
            : `
          AND labelled_at <= ${options.knownAtUs}`
        }
          AND (uri IN (SELECT uri FROM compared) OR uri IN (SELECT uri FROM liked))
        GROUP BY ALL`);
      // Candidates come first, by URI: their number is their place among equally near ones. A liked post is taken in the
      // version that was last embedded, whatever became of the post since.
      await engine.run(`
        CREATE TABLE chosen AS
        SELECT (row_number() OVER (ORDER BY is_candidate DESC, uri, cid, version) - 1)::INTEGER AS row, *
        FROM (
          SELECT embedded.*, compared.uri IS NOT NULL AS is_candidate, coalesce(compared.is_popular, false) AS is_popular,
            latest_liked.uri IS NOT NULL AS is_liked
          FROM embedded
          LEFT JOIN compared ON embedded.uri = compared.uri AND embedded.cid = compared.cid
            AND embedded.version = compared.embedding_version
          LEFT JOIN (
            SELECT uri, max(latest) AS latest, max_by(cid, latest) AS cid, max_by(version, latest) AS version
            FROM embedded SEMI JOIN liked USING (uri) GROUP BY uri
          ) AS latest_liked ON embedded.uri = latest_liked.uri AND embedded.cid = latest_liked.cid
            AND embedded.version = latest_liked.version
        )
        WHERE is_candidate OR is_liked`);
      await engine.run(`
        CREATE TABLE people AS
        SELECT participant_id, (row_number() OVER (ORDER BY participant_id) - 1)::INTEGER AS person
        FROM (SELECT DISTINCT participant_id FROM liked)`);
      const source = await openEmbeddings(
        engine,
        (range) => `
          SELECT chosen.row, e.embedding
          FROM ${embeddings} AS e
          JOIN chosen
            ON e.uri = chosen.uri AND e.cid = chosen.cid AND e.version = chosen.version
            AND e.labelled_at = chosen.latest.labelled_at AND e.run_id = chosen.latest.run_id
          WHERE ${range}`,
      );

      const names = (
        await engine.rows<{ participant_id: string }>('SELECT participant_id FROM people ORDER BY person')
      ).map(({ participant_id }) => participant_id);
      const [{ candidates = 0 } = {}] = await engine.rows<{ candidates: number }>(
        'SELECT count(*)::INTEGER AS candidates FROM chosen WHERE is_candidate',
      );
      const popular = openCenters();
      const liked = openCenters();
      let popularPosts = 0;
      for await (const slice of source.slices()) {
        const range = `row >= ${slice.from} AND row < ${slice.from + slice.rows}`;
        for await (const [rows = []] of numbersOf(
          engine,
          `SELECT row FROM chosen WHERE is_popular AND ${range} ORDER BY row`,
        ))
          for (const row of rows) {
            popular.add('popular', slice, row - slice.from, 1);
            popularPosts++;
          }
        for await (const [rows = [], people = [], weights = []] of numbersOf(
          engine,
          `SELECT row, person, weight::DOUBLE FROM liked JOIN chosen USING (uri) JOIN people USING (participant_id)
           WHERE is_liked AND ${range} ORDER BY row, person`,
        ))
          rows.forEach((row, i) => {
            liked.add(names[people[i] as number] as string, slice, row - slice.from, weights[i] as number);
          });
      }
      const { centers: centroid } = popular.finish();
      const { names: participants, centers } = liked.finish();

      const progress = createProgress({ label: 'similarity', unit: 'posts' });
      const product = centers.rows > 0 ? await openNearestPosts(centers, nearest, config.threads) : null;
      try {
        const cosines = new Float64Array(centroid.rows > 0 ? candidates : 0);
        for await (const slice of source.slices()) {
          const rows = Math.max(0, Math.min(candidates - slice.from, slice.rows));
          if (centroid.rows > 0)
            for (let row = 0; row < rows; row++)
              cosines[slice.from + row] = roundCosine(dot(centroid, 0, slice, row));
          await product?.add({ ...slice, rows });
          progress.advance(rows);
        }
        stage.records = candidates;
        stage.detail.popular_posts = popularPosts;
        stage.detail.participants = participants.length;
        progress.done();
        if (candidates === 0) return nothing;

        const set = runId;
        const written = [
          await writeNearest(lake, engine, set, participants, product?.finish() ?? []),
          await writeCosines(lake, engine, set, cosines),
        ];
        return {
          set: written.some((rows) => rows > 0) ? set : noSimilarity,
          posts: candidates,
          popularPosts,
          participants: participants.length,
          publishId,
          tastes: { participants, centers },
        };
      } finally {
        await product?.close();
      }
    } finally {
      await engine.close();
    }
  });
}

/** @returns number of rows */
async function writeNearest(
  lake: Lake,
  engine: Engine,
  set: string,
  participants: readonly string[],
  nearest: readonly (readonly Neighbour[])[],
): Promise<number> {
  const count = nearest.reduce((total, { length }) => total + length, 0);
  if (count === 0) return 0;
  const centers = new Int32Array(count);
  const rows = new Int32Array(count);
  const cosines = new Float64Array(count);
  let at = 0;
  for (const [center, neighbours] of nearest.entries())
    for (const { post, cosine } of neighbours) {
      centers[at] = center;
      rows[at] = post;
      cosines[at++] = cosine;
    }
  await createNumbers(engine, 'nearest', {
    center: { type: 'INTEGER', values: centers },
    row: { type: 'INTEGER', values: rows },
    similarity_personal: { type: 'DOUBLE', values: cosines },
  });
  await engine.run(
    `CREATE TABLE centers AS SELECT unnest([${participants.map(sqlText).join(', ')}]) AS participant_id,
       unnest(range(${participants.length}))::INTEGER AS center`,
  );
  await copyToLake(
    lake,
    engine,
    `SELECT ${typedColumns(tables.similarityParticipants)}
     FROM nearest JOIN centers USING (center) JOIN chosen USING (row)
     ORDER BY center, similarity_personal DESC, row`,
    `${partitionFolder(tables.similarityParticipants, { set })}/participants.parquet`,
  );
  return count;
}

/** @returns number of rows */
async function writeCosines(lake: Lake, engine: Engine, set: string, cosines: Float64Array): Promise<number> {
  if (cosines.length === 0) return 0;
  await createNumbers(engine, 'cosines', {
    row: { type: 'INTEGER', values: Int32Array.from(cosines, (_, row) => row) },
    similarity: { type: 'DOUBLE', values: cosines },
  });
  await copyToLake(
    lake,
    engine,
    `SELECT ${typedColumns(tables.similarityPosts)} FROM cosines JOIN chosen USING (row) ORDER BY row`,
    `${partitionFolder(tables.similarityPosts, { set })}/posts.parquet`,
  );
  return cosines.length;
}
