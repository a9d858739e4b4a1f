import { sqlText } from '../parquet/engine.ts';
import { timeKeys } from './records.ts';
import { cast, firstParticipant, type WorldOptions } from './world.ts';

export interface StudyOptions extends WorldOptions {
  study: string;
  participants: number;
  /** Arms with the ranking policy of each; participants are dealt round. */
  arms: { arm: string; policy: string; version: string }[];
  versions: Record<string, string>;
}

/** How long a generated feed and one page of it are. */
const feedLength = 60;
const pageLength = 30;

/** Makes `world_participants`: one row per participant. The last has withdrawn and the one before waits for assignment to begin. */
export function makeParticipants(options: StudyOptions): string {
  const { participants, arms, study, startUs, endUs } = options;
  const armList = arms
    .map(
      (a) => `{'arm': ${sqlText(a.arm)}, 'policy': ${sqlText(a.policy)}, 'version': ${sqlText(a.version)}}`,
    )
    .join(', ');
  return `
    CREATE OR REPLACE TEMP TABLE world_participants AS
    SELECT
      n, author, did, concat('p-', code(concat(${sqlText(study)}, ' participant ', n), 16)) AS participant_id, ${sqlText(study)} AS study,
      [${armList}][n % ${arms.length} + 1] AS dealt,
      CASE WHEN n = ${participants - 1} AND n > 2 THEN 'withdrawn' WHEN n = ${participants - 2} AND n > 2 THEN 'pending' ELSE 'active' END AS status,
      CASE WHEN n % 2 = 0 THEN 'frequent' ELSE 'rare' END AS stratum,
      ${startUs} + n * 60000000 AS enrolled_us,
      CASE WHEN n = ${participants - 1} AND n > 2 THEN ${Math.floor((startUs + endUs) / 2)} END AS withdrawn_us
    FROM (SELECT author - ${firstParticipant} AS n, * FROM world_authors WHERE author BETWEEN ${firstParticipant} AND ${firstParticipant + participants - 1})`;
}

/** The roster of `world_participants`, as the private lake keeps it. */
export const rosterQuery = `
  SELECT participant_id, study, did, dealt.arm AS arm, status, stratum, enrolled_us, withdrawn_us FROM world_participants`;

/** Makes `world_feeds`: the feeds of a generation published an hour before the end, each a cut of the newest English posts. */
export function makeFeeds(options: StudyOptions): string {
  return `
    CREATE OR REPLACE TEMP TABLE world_feeds AS
    WITH readers AS (
      SELECT n, participant_id, dealt.arm AS arm, dealt.policy AS policy, dealt.version AS policy_version FROM world_participants WHERE status <> 'withdrawn'
      UNION ALL
      SELECT -1, '_default', 'default', 'reverse_chronological', '1'
    ),
    pool AS (
      SELECT * FROM world_posts
      WHERE language = 'en' AND tone IN ('everyday', 'heated', 'constructive') AND NOT is_deleted AND author >= ${cast.quiet}
        AND event_us < ${options.endUs} - 3600000000
      ORDER BY event_us DESC LIMIT ${feedLength * 4}
    ),
    ordered AS (
      SELECT readers.*, pool.*, row_number() OVER (PARTITION BY participant_id ORDER BY draw(concat('feed ', participant_id), i), uri) AS position
      FROM readers, pool
    )
    SELECT *, ${options.endUs} - 3600000000 AS published_us FROM ordered WHERE position <= ${feedLength}`;
}

/** Queries for what serving and ranking left behind, by table name. */
export function studyQueries(
  options: StudyOptions,
): { queue: string; pairs: string } & Record<string, string> {
  const { study, endUs, versions } = options;
  const reqId = `concat('req-', code(concat('answer ', participant_id, ' ', page), 20))`;
  return {
    feeds: `
      SELECT participant_id, arm, policy, policy_version, position, uri, cid, did AS author_did, event_us,
        round(event_us / 1e6, 6) AS score, NULL AS like_score, NULL AS freshness_score, NULL AS treatment_multiplier, NULL AS superposter_multiplier,
        NULL AS likes, NULL AS similarity, NULL AS similarity_personal, (published_us - event_us) / 3600e6 AS age_hours, NULL AS toxic, NULL AS constructive, NULL AS sociopolitical,
        false AS is_superposter, 'fresh' AS candidate_source, false AS is_in_network, false AS served_before, position AS position_before_shuffle,
        0 AS shuffle_offset, round(1 / 3, 9) AS propensity, NULL AS credited_policy, NULL AS counterfactual_positions, 'generated' AS generation
      FROM world_feeds`,
    similarityPosts: `
      SELECT uri, round(0.3 + 0.6 * draw('similarity', i), 6) AS similarity, 'generated' AS "set"
      FROM world_posts WHERE draw('candidate', i) < 0.5`,
    similarityParticipants: `
      SELECT participant_id, uri, round(0.4 + 0.5 * draw(concat('similarity ', participant_id), i), 6) AS similarity_personal, 'generated' AS "set"
      FROM world_participants, world_posts WHERE draw(concat('near ', participant_id), i) < 20.0 / ${options.posts}`,
    pairs: `
      SELECT participant_id, 'engagement_personal' AS policy, '1' AS policy_version, uri, false AS is_in_network, 'fresh' AS candidate_source,
        round(0.4 + 0.5 * draw(concat('pair ', participant_id), i), 6) AS similarity_personal, NULL AS diversity_score, 'generated' AS generation
      FROM world_feeds WHERE n >= 0 AND position <= 10`,
    queue: `
      SELECT 'language' AS labeler, ${sqlText(versions.language ?? '1')} AS version, uri, cid, did, "text", 1 AS attempt, 100 AS priority, false AS is_dead_letter, event_us
      FROM world_posts WHERE draw('language asked', i) >= 0.98`,
    exposures: `
      WITH answers AS (
        SELECT *, (position - 1) // ${pageLength} AS page, published_us + 600000000 + n * 1000000 + ((position - 1) // ${pageLength}) * 45000000 AS served_us
        FROM world_feeds WHERE n < 0 OR draw('reads', n) < 0.8
      ),
      sent AS (
        SELECT ${reqId} AS req_id, served_us, participant_id, arm, policy, policy_version, page, position, uri, n FROM answers
        UNION ALL
        -- one answer past the end of a feed: no positions
        SELECT ${reqId}, served_us + 60000000, participant_id, arm, policy, policy_version, page, NULL, NULL, n
        FROM (SELECT DISTINCT ON (participant_id) * REPLACE (2 AS page) FROM answers ORDER BY participant_id, position)
      )
      SELECT req_id, served_us,
        CASE WHEN n >= 0 THEN participant_id END AS participant_id, CASE WHEN n >= 0 THEN ${sqlText(study)} END AS study,
        CASE WHEN n >= 0 THEN arm END AS arm_assigned, policy AS policy_served, policy_version,
        CASE WHEN n < 0 THEN 'anonymous' END AS fallback_reason, 'generated' AS generation,
        page * ${pageLength} AS feed_offset, ${pageLength} AS page_limit, position, uri, 'generated/1' AS client, false AS jti_reused,
        200 AS http_status, 900 + n AS latency_us, 'generated' AS segment, ${timeKeys('served_us')}
      FROM sent`,
    interactions: `
      WITH answers AS (
        SELECT *, (position - 1) // ${pageLength} AS page, published_us + 660000000 + n * 1000000 + position * 3000000 AS received_us
        -- the client of every fourth participant reports nothing
        FROM world_feeds WHERE n >= 0 AND draw('reads', n) < 0.8 AND n % 4 <> 3
      ),
      reported AS (
        SELECT *, 'interactionSeen' AS event FROM answers WHERE position <= 20
        UNION ALL SELECT *, 'interactionLike' FROM answers WHERE position <= 20 AND draw(concat('reacts ', participant_id), position) < 0.1
        UNION ALL SELECT *, 'requestLess' FROM answers WHERE position <= 20 AND draw(concat('minds ', participant_id), position) < 0.03
      )
      SELECT received_us, participant_id, ${sqlText(study)} AS study, event, uri, ${reqId} AS req_id, ${reqId} AS feed_context,
        true AS context_valid, 'generated/1' AS client, 'generated' AS segment, ${timeKeys('received_us')}
      FROM reported WHERE received_us < ${endUs}`,
  };
}
