import { findFeeds, generationFolder } from '../../lake/feeds/index.ts';
import { openEngine, openLake, sqlText, type Engine, type Lake } from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { replayErrors } from './errors.ts';
import { latestPublished } from './previous.ts';
import { generationFiles } from './publish.ts';

export interface DiffOptions {
  config: Config;
  from: string;
  to: string;
}

/**
 * Why a post came into a feed or left it, the first that holds:
 * pool: it could not be ranked in the other generation (new, deleted, hidden, filtered);
 * policy: the feed is of another policy or version;
 * label: a label, or whether its author is a superposter, differs;
 * engagement: its likes or its similarity differ;
 * network: the participant follows its author in one of the two alone;
 * served_before: it was in the last feed before one of the two alone;
 * others: nothing of its own differs but its age: posts around it moved, or the shuffle.
 */
export type DiffReason = 'pool' | 'policy' | 'label' | 'engagement' | 'network' | 'served_before' | 'others';

export interface FeedDiff {
  participant_id: string;
  arm: string;
  /** Such as 'treatment 1 -> treatment 2'; null where it is the same. */
  policy: string | null;
  entered: number;
  left: number;
  /** Posts in both feeds at another position. */
  moved: number;
  reasons: Partial<Record<DiffReason, number>>;
}

export interface GenerationsDiff {
  from: string;
  to: string;
  /** Feeds in both. */
  feeds: number;
  unchanged: number;
  /** In one generation alone. */
  only_from: string[];
  only_to: string[];
  reasons: Partial<Record<DiffReason, number>>;
  /** Those whose feed differs, most first. */
  participants: FeedDiff[];
  /** 'feeds' where a generation was compacted and what it could have shown is not known: pool and label can't be told apart then. */
  compared: 'inputs' | 'feeds';
}

const parquet = (lake: Lake, file: string): string =>
  `read_parquet(${sqlText(lake.uri(file))}, hive_partitioning = false)`;

async function fill(engine: Engine, lake: Lake, generation: string, side: 'a' | 'b'): Promise<boolean> {
  const files = generationFiles(generation);
  const feeds = await findFeeds(lake, generation);
  if (feeds === null || !(await lake.exists(files.published)))
    throw replayErrors.unknown(generation, await latestPublished(lake));
  await engine.run(`CREATE TABLE feeds_${side} AS SELECT * FROM ${parquet(lake, feeds)}`);
  const whole = await lake.exists(files.scored);
  const columns = 'uri, cid, likes, similarity, toxic, constructive, sociopolitical, is_superposter';
  await engine.run(
    `CREATE TABLE pool_${side} AS SELECT DISTINCT ${columns} FROM ${whole ? parquet(lake, files.scored) : `feeds_${side}`}`,
  );
  const last = `${generationFolder(generation)}/inputs/last_feed.parquet`;
  await engine.run(
    `CREATE TABLE last_${side} AS SELECT participant_id, uri FROM ${
      (await lake.exists(last)) ? parquet(lake, last) : `feeds_${side} WHERE served_before`
    }`,
  );
  return whole;
}

/**
 * Compares two generations feed by feed: what came, what left, and why, as far as the two generations themselves say.
 * @throws FeedtrialError FT_REPLAY_UNKNOWN
 */
export async function compareGenerations(options: DiffOptions): Promise<GenerationsDiff> {
  const { config, from, to } = options;
  const lake = openLake(config.lake);
  const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
  try {
    const whole = [await fill(engine, lake, from, 'a'), await fill(engine, lake, to, 'b')];
    await engine.run(`
      CREATE TABLE readers AS
      SELECT participant_id, min(a.arm) AS arm_a, min(b.arm) AS arm_b,
        min(a.policy || ' ' || a.policy_version) AS policy_a, min(b.policy || ' ' || b.policy_version) AS policy_b
      FROM (SELECT DISTINCT participant_id, arm, policy, policy_version FROM feeds_a) AS a
      FULL JOIN (SELECT DISTINCT participant_id, arm, policy, policy_version FROM feeds_b) AS b USING (participant_id)
      GROUP BY participant_id`);
    // Whom a participant follows is read off the feeds themselves: the private lake is not opened for this.
    await engine.run(`
      CREATE TABLE changes AS
      SELECT participant_id, uri, a.position AS position_a, b.position AS position_b,
        coalesce(a.is_in_network, b.is_in_network) AS is_in_network, split_part(uri, '/', 3) AS author_did
      FROM (SELECT * FROM feeds_a SEMI JOIN feeds_b USING (participant_id)) AS a
      FULL JOIN (SELECT * FROM feeds_b SEMI JOIN feeds_a USING (participant_id)) AS b USING (participant_id, uri)
      WHERE a.position IS DISTINCT FROM b.position`);
    await engine.run(`
      CREATE TABLE reasons AS
      WITH networks AS (
        SELECT participant_id, author_did, bool_or(is_in_network) FILTER (side = 'a') AS in_a, bool_or(is_in_network) FILTER (side = 'b') AS in_b
        FROM (SELECT *, 'a' AS side FROM feeds_a UNION ALL SELECT *, 'b' AS side FROM feeds_b) GROUP BY ALL
      )
      SELECT changes.participant_id, changes.uri, changes.position_a IS NULL AS entered,
        CASE
          WHEN pool_a.uri IS NULL OR pool_b.uri IS NULL OR pool_a.cid <> pool_b.cid THEN 'pool'
          WHEN readers.policy_a <> readers.policy_b THEN 'policy'
          WHEN pool_a.toxic IS DISTINCT FROM pool_b.toxic OR pool_a.constructive IS DISTINCT FROM pool_b.constructive
            OR pool_a.sociopolitical IS DISTINCT FROM pool_b.sociopolitical OR pool_a.is_superposter <> pool_b.is_superposter THEN 'label'
          WHEN pool_a.likes IS DISTINCT FROM pool_b.likes OR pool_a.similarity IS DISTINCT FROM pool_b.similarity THEN 'engagement'
          WHEN networks.in_a <> networks.in_b THEN 'network'
          WHEN (last_a.uri IS NULL) <> (last_b.uri IS NULL) THEN 'served_before'
          ELSE 'others'
        END AS reason
      FROM changes
      JOIN readers USING (participant_id)
      LEFT JOIN pool_a ON pool_a.uri = changes.uri
      LEFT JOIN pool_b ON pool_b.uri = changes.uri
      LEFT JOIN networks ON networks.participant_id = changes.participant_id AND networks.author_did = changes.author_did
      LEFT JOIN last_a ON last_a.participant_id = changes.participant_id AND last_a.uri = changes.uri
      LEFT JOIN last_b ON last_b.participant_id = changes.participant_id AND last_b.uri = changes.uri
      WHERE changes.position_a IS NULL OR changes.position_b IS NULL`);
    const counted = await engine.rows<{
      participant_id: string;
      reason: DiffReason;
      entered: number;
      gone: number;
    }>(
      `SELECT participant_id, reason, (count(*) FILTER (entered))::DOUBLE AS entered, (count(*) FILTER (NOT entered))::DOUBLE AS gone
       FROM reasons GROUP BY ALL ORDER BY ALL`,
    );
    const moved = new Map(
      (
        await engine.rows<{ participant_id: string; moved: number }>(
          `SELECT participant_id, (count(*) FILTER (position_a IS NOT NULL AND position_b IS NOT NULL))::DOUBLE AS moved
           FROM changes GROUP BY participant_id`,
        )
      ).map((row) => [row.participant_id, row.moved]),
    );
    const readers = await engine.rows<{
      participant_id: string;
      arm_a: string | null;
      arm_b: string | null;
      policy_a: string | null;
      policy_b: string | null;
    }>('SELECT * FROM readers ORDER BY participant_id');
    const byReader = Map.groupBy(counted, (row) => row.participant_id);
    const total: GenerationsDiff['reasons'] = {};
    const both = readers.filter((reader) => reader.policy_a !== null && reader.policy_b !== null);
    const participants = both
      .filter(({ participant_id }) => moved.has(participant_id))
      .map(({ participant_id, arm_b: arm, policy_a: before, policy_b: after }): FeedDiff => {
        const reasons: FeedDiff['reasons'] = {};
        let entered = 0;
        let left = 0;
        for (const row of byReader.get(participant_id) ?? []) {
          reasons[row.reason] = row.entered + row.gone;
          total[row.reason] = (total[row.reason] ?? 0) + row.entered + row.gone;
          entered += row.entered;
          left += row.gone;
        }
        return {
          participant_id,
          arm: arm ?? '',
          policy: before === after ? null : `${before} -> ${after}`,
          entered,
          left,
          moved: moved.get(participant_id) ?? 0,
          reasons,
        };
      })
      .sort(
        (a, b) => b.entered + b.left - a.entered - a.left || (a.participant_id < b.participant_id ? -1 : 1),
      );
    return {
      from,
      to,
      feeds: both.length,
      unchanged: both.length - participants.length,
      only_from: readers.filter((reader) => reader.policy_b === null).map((reader) => reader.participant_id),
      only_to: readers.filter((reader) => reader.policy_a === null).map((reader) => reader.participant_id),
      reasons: total,
      participants,
      compared: whole.every(Boolean) ? 'inputs' : 'feeds',
    };
  } finally {
    await engine.close();
  }
}
