import { openEngine, openLake, readTable, sqlText, tables, writeRows, type Lake } from '../../lake/index.ts';
import type { Config } from '../../ops/config/index.ts';
import { createProgress } from '../../ops/progress/index.ts';
import { log, newRunId, runStage } from '../../ops/telemetry/index.ts';
import { openCenters } from './centers.ts';
import { embeddedBlocks } from './embeddings.ts';
import { openNearestPosts, roundCosine, type Matrix } from './nearest.ts';

export interface SimilarityOptions {
  config: Config;
  /** Whose inputs to read; the queue in force by default. */
  publishId?: string;
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

const keptForMs = 24 * 3_600_000;

async function currentPublishId(lake: Lake): Promise<string | null> {
  const bytes = await lake.read('queue/current.json');
  if (bytes === null) return null;
  return (JSON.parse(Buffer.from(bytes).toString('utf8')) as { publish_id: string }).publish_id;
}

/** Inputs of a day ago that are not in force: nothing reads them any more. */
async function removeOldInputs(privateLake: Lake, current: string, nowMs: number): Promise<void> {
  for (const file of await privateLake.list('queue'))
    if (!file.path.startsWith(`queue/publish=${current}/`) && nowMs - file.modifiedMs > keptForMs)
      await privateLake.remove(file.path);
}

/**
 * Computes the exact cosine of every eligible post to the centroid of popular posts, and each participant's nearest
 * posts by the weighted mean of what they liked. SQL says which posts are compared, which are popular and what a like
 * weighs (`similarity_posts`, `similarity_likes`). Embeddings are read twice, block by block.
 * @returns the new set; `noSimilarity` where no transform has published inputs or nothing is embedded
 * @throws FeedtrialError FT_SIMILARITY_WIDTH
 */
export async function computeSimilarity(options: SimilarityOptions): Promise<SimilaritySummary> {
  const { config, nearest = 200, dag = 'similarity', now = Date.now, runId = newRunId(now()) } = options;
  return runStage({ config, dag, runId, stage: 'similarity', now }, async (stage) => {
    const lake = openLake(config.lake);
    const privateLake = openLake(config.privateLake);
    const publishId = options.publishId ?? (await currentPublishId(lake));
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
    const postsFile = `queue/publish=${publishId}/similarity_posts.parquet`;
    const likesFile = `queue/publish=${publishId}/similarity_likes.parquet`;
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
        WHERE version IN (SELECT DISTINCT embedding_version FROM compared)
          AND (uri IN (SELECT uri FROM compared) OR uri IN (SELECT uri FROM liked))
        GROUP BY ALL`);
      const withEmbedding = (from: string, where: string): string => `
        SELECT chosen.uri, e.embedding
        FROM ${from} AS chosen
        JOIN ${embeddings} AS e
          ON e.uri = chosen.uri AND e.cid = chosen.cid AND e.version = chosen.version
          AND e.labelled_at = chosen.latest.labelled_at AND e.run_id = chosen.latest.run_id
        WHERE ${where}
        ORDER BY chosen.uri`;
      await engine.run(`
        CREATE TABLE candidates AS
        SELECT embedded.*, compared.is_popular
        FROM compared
        JOIN embedded ON embedded.uri = compared.uri AND embedded.cid = compared.cid
          AND embedded.version = compared.embedding_version`);
      // A liked post is compared in the version that was last embedded, whatever became of the post since.
      await engine.run(`
        CREATE TABLE liked_posts AS
        SELECT uri, max_by(cid, latest) AS cid, max_by(version, latest) AS version, max(latest) AS latest
        FROM embedded WHERE uri IN (SELECT uri FROM liked) GROUP BY uri`);

      const popular = openCenters();
      let popularPosts = 0;
      for await (const block of embeddedBlocks(engine, withEmbedding('candidates', 'chosen.is_popular')))
        for (let row = 0; row < block.rows; row++) {
          popular.add('popular', block, row, 1);
          popularPosts++;
        }
      const { centers: centroid } = popular.finish();

      const likersOf = new Map<string, { participant: string; weight: number }[]>();
      for (const like of await engine.rows<{ participant_id: string; uri: string; weight: number }>(
        'SELECT participant_id, uri, weight FROM liked ORDER BY participant_id, uri',
      )) {
        const likers = likersOf.get(like.uri) ?? [];
        likers.push({ participant: like.participant_id, weight: like.weight });
        likersOf.set(like.uri, likers);
      }
      const tastes = openCenters();
      for await (const block of embeddedBlocks(engine, withEmbedding('liked_posts', 'true')))
        block.uris.forEach((uri, row) => {
          for (const { participant, weight } of likersOf.get(uri) ?? [])
            tastes.add(participant, block, row, weight);
        });
      const { names: participants, centers } = tastes.finish();

      const uris: string[] = [];
      const cosines: (number | null)[] = [];
      const progress = createProgress({ label: 'similarity', unit: 'posts' });
      const product = centers.rows > 0 ? await openNearestPosts(centers, nearest, config.threads) : null;
      try {
        for await (const block of embeddedBlocks(engine, withEmbedding('candidates', 'true'))) {
          for (let row = 0; row < block.rows; row++) {
            if (centroid.rows === 0) cosines.push(null);
            else {
              let dot = 0;
              for (let i = 0; i < block.width; i++)
                dot += (centroid.values[i] as number) * (block.values[row * block.width + i] as number);
              cosines.push(roundCosine(dot));
            }
          }
          uris.push(...block.uris);
          await product?.add(block);
          progress.advance(block.rows);
        }
        stage.records = uris.length;
        stage.detail.popular_posts = popularPosts;
        stage.detail.participants = participants.length;
        progress.done();
        if (uris.length === 0) return nothing;

        const set = runId;
        const postRows = function* () {
          for (const [i, uri] of uris.entries())
            if (cosines[i] != null) yield { uri, similarity: cosines[i] };
        };
        const participantRows = function* () {
          for (const [center, neighbours] of (product?.finish() ?? []).entries())
            for (const { post, cosine } of neighbours)
              yield { participant_id: participants[center], uri: uris[post], similarity_personal: cosine };
        };
        const written = [
          await writeRows(
            lake,
            engine,
            tables.similarityParticipants,
            { set },
            participantRows(),
            'participants',
          ),
          await writeRows(lake, engine, tables.similarityPosts, { set }, postRows(), 'posts'),
        ];
        await removeOldInputs(privateLake, publishId, now());
        return {
          set: written.some((file) => file !== null) ? set : noSimilarity,
          posts: uris.length,
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
