import {
  feedsFile,
  generationFolder,
  openEngine,
  openLake,
  readCurrentGeneration,
  readTable,
  sqlText,
  tables,
  writeRows,
} from '../../lake/index.ts';
import { defineTable } from '../../lake/schemas/define.ts';
import type { Config } from '../config/index.ts';
import { demoErrors } from './errors.ts';

/** A feed that was sent: whose it is in the generation, and its posts in order. */
export interface AskedFeed {
  participantId: string;
  uris: string[];
}

/** A position of a feed with all that the generation says about why the post is there. */
export interface ExplainedPost {
  participantId: string;
  arm: string;
  policy: string;
  /** Place in the answer, from 1. */
  place: number;
  uri: string;
  authorDid: string;
  handle: string | null;
  text: string | null;
  eventUs: number;
  ageHours: number;
  likes: number | null;
  score: number;
  likeScore: number | null;
  freshnessScore: number | null;
  treatmentMultiplier: number | null;
  superposterMultiplier: number | null;
  toxic: number | null;
  constructive: number | null;
  sociopolitical: number | null;
  isSuperposter: boolean;
  isInNetwork: boolean;
  positionBeforeShuffle: number;
}

/** What a feed is like in its first positions. */
export interface FeedSummary {
  participantId: string;
  arm: string;
  posts: number;
  /** Means over the first positions that have the label; null where none has. */
  meanToxic: number | null;
  meanConstructive: number | null;
  civicPosts: number;
  meanLikes: number | null;
  meanAgeHours: number | null;
  inNetworkPosts: number;
  /** Best place of a superposter before the bounded shuffle, in the whole feed; null where there is none. */
  superposterPlace: number | null;
  superposterPosts: number;
}

const asked = defineTable('asked', 'One row per position of a feed that was sent', [], {
  participant_id: ['VARCHAR', 'whose feed'],
  place: ['INTEGER', 'place in the answer, from 1'],
  uri: ['VARCHAR', 'post'],
});

/**
 * Joins feeds as they were sent with what the generation in force stored for each position, and with the words of the
 * posts. All numbers come from the generation; nothing is computed here but means over what it says.
 * @param first positions that the summaries are about
 * @throws FeedtrialError FT_DEMO_NO_GENERATION
 */
export async function explainFeeds(
  config: Config,
  feeds: readonly AskedFeed[],
  first = 20,
): Promise<{ posts: ExplainedPost[]; summaries: FeedSummary[] }> {
  const lake = openLake(config.lake);
  const current = await readCurrentGeneration(lake);
  if (!current) throw demoErrors.noGeneration();
  const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
  try {
    const scratch = openLake(engine.scratch);
    const rows = feeds.flatMap(({ participantId, uris }) =>
      uris.map((uri, i) => ({ participant_id: participantId, place: i + 1, uri })),
    );
    const file = await writeRows(scratch, engine, asked, {}, rows, 'asked');
    if (file === null) return { posts: [], summaries: [] };
    const generation = sqlText(lake.uri(`${generationFolder(current.generation)}/${feedsFile}`));
    await engine.run(`
      CREATE TEMP TABLE sent AS
      SELECT asked.place, feeds.* EXCLUDE (uri), asked.uri
      FROM read_parquet(${sqlText(scratch.uri(file))}) AS asked
      INNER JOIN read_parquet(${generation}) AS feeds USING (participant_id, uri);
      CREATE TEMP TABLE texts AS
      SELECT
        'at://' || did || '/' || collection || '/' || rkey AS uri,
        arg_max(json_extract_string(record, '$.text'), row(rev, seq)) AS post_text
      FROM ${readTable(lake, tables.records)}
      WHERE collection_group = 'app.bsky.feed.post' AND record IS NOT NULL
        AND 'at://' || did || '/' || collection || '/' || rkey IN (SELECT uri FROM sent)
      GROUP BY 1;
      CREATE TEMP TABLE handles AS
      SELECT did, arg_max(handle, row(event_us, seq)) AS handle
      FROM ${readTable(lake, tables.identities)}
      WHERE handle IS NOT NULL AND did IN (SELECT author_did FROM sent)
      GROUP BY did`);
    const posts = await engine.rows<Record<string, unknown>>(`
      SELECT
        participant_id AS "participantId", arm, policy, place, uri, author_did AS "authorDid", handle,
        post_text AS "text", event_us::DOUBLE AS "eventUs", age_hours AS "ageHours", likes::DOUBLE AS likes, score,
        like_score AS "likeScore", freshness_score AS "freshnessScore",
        treatment_multiplier AS "treatmentMultiplier", superposter_multiplier AS "superposterMultiplier",
        toxic, constructive, sociopolitical, is_superposter AS "isSuperposter", is_in_network AS "isInNetwork",
        position_before_shuffle AS "positionBeforeShuffle"
      FROM sent LEFT JOIN texts USING (uri) LEFT JOIN handles ON handles.did = sent.author_did
      ORDER BY participant_id, place`);
    const summaries = await engine.rows<Record<string, unknown>>(`
      SELECT
        participant_id AS "participantId", min(arm) AS arm, count(*)::DOUBLE AS posts,
        avg(toxic) FILTER (place <= ${first}) AS "meanToxic",
        avg(constructive) FILTER (place <= ${first}) AS "meanConstructive",
        (count(*) FILTER (place <= ${first} AND sociopolitical >= 0.5))::DOUBLE AS "civicPosts",
        avg(likes) FILTER (place <= ${first}) AS "meanLikes",
        avg(age_hours) FILTER (place <= ${first}) AS "meanAgeHours",
        (count(*) FILTER (place <= ${first} AND is_in_network))::DOUBLE AS "inNetworkPosts",
        min(position_before_shuffle) FILTER (is_superposter) AS "superposterPlace",
        (count(*) FILTER (place <= ${first} AND is_superposter))::DOUBLE AS "superposterPosts"
      FROM sent GROUP BY participant_id`);
    return {
      posts: posts as unknown as ExplainedPost[],
      summaries: summaries as unknown as FeedSummary[],
    };
  } finally {
    await engine.close();
  }
}
