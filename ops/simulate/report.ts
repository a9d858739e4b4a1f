import type { Engine } from '../../lake/index.ts';

/** A mean over participants of what the first positions of their feed hold; null where nothing could be counted. */
export interface Estimate {
  mean: number | null;
  /** Half of the 95% interval over participants. */
  margin: number | null;
}

export const measures = {
  toxic: 'toxicity, mean probability',
  constructive: 'constructiveness, mean probability',
  sociopolitical: 'sociopolitical, mean probability',
  in_network: 'share of followed accounts',
  superposter: 'share of superposters',
  likes: 'likes, mean of ln(1 + likes)',
  age_hours: 'age, hours',
} as const;

export type Measure = keyof typeof measures;

export interface SimulatedArm {
  arm: string;
  policy: string;
  policy_version: string;
  feeds: number;
  /** Posts in the shortest and in the mean feed. */
  shortest: number;
  mean_positions: number;
  measures: Record<Measure, Estimate>;
}

export interface SimulationReport {
  from: string;
  as_of: string;
  first: number;
  participants: number;
  posts: number;
  arms: SimulatedArm[];
  /** Arm -> other arm -> mean share of the first positions' posts that are in the other's first positions too. */
  overlap: Record<string, Record<string, number>>;
  /** Arms that could not be ranked, with the reason. */
  left_out: { arm: string; reason: string }[];
}

const expressions: Record<Measure, string> = {
  toxic: 'avg(toxic)',
  constructive: 'avg(constructive)',
  sociopolitical: 'avg(sociopolitical)',
  in_network: 'avg(is_in_network::INT)',
  superposter: 'avg(is_superposter::INT)',
  likes: 'avg(ln(1 + likes))',
  age_hours: 'avg(age_hours)',
};

/** Sums of doubles vary with the number of threads in their last digits; nothing that is shown does. */
const rounded = (value: unknown): number | null =>
  typeof value === 'number' ? Math.round(value * 1e6) / 1e6 : null;

/** What each arm shows in the first positions, over all participants. */
export async function reportOf(
  engine: Engine,
  relation: (name: string) => string,
  options: { from: string; asOfUs: number; first: number },
): Promise<SimulationReport> {
  const { from, asOfUs, first } = options;
  const names = Object.keys(measures) as Measure[];
  await engine.run(`
    CREATE TABLE shown AS
    SELECT arms.arm, p.participant_id, p.policy, p.policy_version, p.position, p.uri, p.is_in_network,
      posts.toxic, posts.constructive, posts.sociopolitical, posts.is_superposter, posts.likes, posts.age_hours
    FROM ${relation('int_feeds__positions')} AS p
    JOIN ${relation('int_arms__policies')} AS arms ON arms.policy = p.policy AND arms.policy_version = p.policy_version
    JOIN ${relation('int_posts__rankable')} AS posts ON posts.uri = p.uri
    WHERE p.participant_id <> '_default' AND arms.arm <> 'default'`);
  await engine.run(
    `CREATE TABLE feeds AS SELECT arm, policy, policy_version, participant_id, count(*) AS positions FROM shown GROUP BY ALL`,
  );
  await engine.run(`
    CREATE TABLE means AS SELECT arm, participant_id, ${names.map((name) => `${expressions[name]} AS ${name}`).join(', ')}
    FROM shown WHERE position <= ${first} GROUP BY ALL`);
  const rows = await engine.rows<Record<string, number | string | null>>(`
    SELECT feeds.arm, min(policy) AS policy, min(policy_version) AS policy_version, count(*)::DOUBLE AS feeds,
      min(positions)::DOUBLE AS shortest, avg(positions) AS mean_positions,
      ${names.map((name) => `avg(${name}) AS ${name}, 1.96 * stddev_samp(${name}) / sqrt(count(${name})) AS ${name}_margin`).join(', ')}
    FROM feeds JOIN means USING (arm, participant_id) GROUP BY feeds.arm ORDER BY feeds.arm`);
  const arms = rows.map((row): SimulatedArm => ({
    arm: String(row.arm),
    policy: String(row.policy),
    policy_version: String(row.policy_version),
    feeds: Number(row.feeds),
    shortest: Number(row.shortest),
    mean_positions: rounded(row.mean_positions) ?? 0,
    measures: Object.fromEntries(
      names.map((name) => [name, { mean: rounded(row[name]), margin: rounded(row[`${name}_margin`]) }]),
    ) as Record<Measure, Estimate>,
  }));
  const overlap: SimulationReport['overlap'] = {};
  for (const { one, other, share } of await engine.rows<{ one: string; other: string; share: number }>(`
    WITH firsts AS (SELECT arm, participant_id, uri FROM shown WHERE position <= ${first}),
    sizes AS (SELECT arm, participant_id, count(*) AS n FROM firsts GROUP BY ALL),
    names AS (SELECT DISTINCT arm FROM firsts),
    common AS (
      SELECT a.arm AS one, b.arm AS other, a.participant_id, count(*) AS n
      FROM firsts AS a JOIN firsts AS b USING (participant_id, uri) GROUP BY ALL
    )
    SELECT sizes.arm AS one, names.arm AS other, avg(coalesce(common.n, 0) / sizes.n) AS share
    FROM sizes CROSS JOIN names LEFT JOIN common ON common.one = sizes.arm AND common.other = names.arm AND common.participant_id = sizes.participant_id
    GROUP BY ALL ORDER BY ALL`))
    (overlap[one] ??= {})[other] = rounded(share) ?? 0;
  const all = await engine.rows<{ arm: string; sort_key: string | null }>(`
    SELECT arms.arm, min(policies.sort_key) AS sort_key FROM ${relation('arms')} AS arms
    LEFT JOIN ${relation('int_arms__policies')} AS used ON used.arm = arms.arm
    LEFT JOIN ${relation('ranking_policies')} AS policies ON policies.policy = used.policy AND policies.version = used.policy_version
    GROUP BY arms.arm ORDER BY arms.arm`);
  const ranked = new Set(arms.map(({ arm }) => arm));
  const [{ participants = 0, posts = 0 } = {}] = await engine.rows<{ participants: number; posts: number }>(
    `SELECT (SELECT count(*)::DOUBLE FROM ${relation('stg_study__participants')}) AS participants, (SELECT count(*)::DOUBLE FROM ${relation('int_posts__rankable')}) AS posts`,
  );
  return {
    from,
    as_of: new Date(asOfUs / 1000).toISOString(),
    first,
    participants,
    posts,
    arms,
    overlap,
    left_out: all
      .filter(({ arm }) => !ranked.has(arm))
      .map(({ arm, sort_key: key }) => ({
        arm,
        reason:
          key === null
            ? 'no version of its policy has begun at that moment'
            : key === 'personal' || key === 'diversity'
              ? 'the similarity of its pairs was not computed for this window: rank once with the arm in the seed'
              : 'it has no feed',
      })),
  };
}
