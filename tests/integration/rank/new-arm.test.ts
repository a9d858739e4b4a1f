import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openEngine, sqlText, type Engine } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { generationFiles } from '../../../ops/cycle/publish.ts';
import { rank } from '../../../ops/cycle/rank.ts';
import { replay } from '../../../ops/cycle/replay.ts';
import { openDbt, type Dbt } from '../../../ops/dbt/index.ts';
import { simulate } from '../../../ops/simulate/index.ts';
import { applyDiff, diffsOf } from '../models/analyst.ts';
import { editedProject } from './edited-project.ts';
import { buildBeforeRanking, makeSmallLake, type SmallLake } from './small-lake.ts';

let small: SmallLake;
let config: Config;
let dbt: Dbt;
let engine: Engine;

const rankAs = (generation: string) => rank({ config, dbt, asOfUs: small.generated.endUs, generation });

beforeAll(async () => {
  small = await makeSmallLake();
  config = { ...small.config, projectRoot: editedProject(small.folder, ['models']) };
  engine = await openEngine();
  dbt = await openDbt(config);
  await buildBeforeRanking(small, dbt);
}, 600_000);

afterAll(async () => {
  await dbt?.close();
  await engine?.close();
  small?.remove();
});

it('an arm with a score of its own is what the page says: it ranks, replays and simulates', async () => {
  await rankAs('before');
  const diffs = diffsOf('arms.md');
  expect(diffs).toHaveLength(1);
  await applyDiff(config.projectRoot, diffs[0] ?? '');
  await expect(simulate({ config, dbt, generation: 'before' })).rejects.toMatchObject({
    code: 'FT_SIMULATE_MODEL',
    message: expect.stringContaining('author_posts') as unknown,
  });

  // somebody is enrolled in it
  const roster = path.join(config.privateLake, 'participants/current.parquet');
  await engine.run(`CREATE TABLE roster AS SELECT * REPLACE (CASE WHEN arm = 'treatment' THEN 'quiet' ELSE arm END AS arm)
    FROM read_parquet(${sqlText(roster)})`);
  await engine.run(`COPY roster TO ${sqlText(roster)} (FORMAT parquet)`);
  await rankAs('quiet');
  const { nodes } = await dbt.run({
    command: 'test',
    select: [
      'int_scores__quiet,test_type:unit',
      'int_posts__rankable,test_type:unit',
      'int_posts__ranked,test_type:unit',
    ],
  });
  expect(nodes.map(({ name, status }) => [name, status])).toContainEqual([
    'quiet_shares_freshness_out_over_the_posts_of_its_author',
    'pass',
  ]);

  const parquet = (file: string): string =>
    `read_parquet(${sqlText(path.join(config.lake, file))}, hive_partitioning = false)`;
  const { feeds, scored } = generationFiles('quiet');
  const posts = await engine.rows<{ uri: string; author_did: string; age_hours: number }>(
    `SELECT uri, author_did, age_hours FROM ${parquet(scored)}`,
  );
  const byAuthor = Map.groupBy(posts, (post) => post.author_did);
  const scoreOf = new Map(
    posts.map(({ uri, author_did, age_hours }) => [
      uri,
      (3 * 0.95 ** Math.min(age_hours, 48)) / (byAuthor.get(author_did)?.length ?? 0),
    ]),
  );
  const rows = await engine.rows<{ participant_id: string; uri: string; score: number }>(
    `SELECT participant_id, uri, score FROM ${parquet(feeds)} WHERE arm = 'quiet' ORDER BY participant_id, position_before_shuffle`,
  );
  const readers = Map.groupBy(rows, (row) => row.participant_id);
  expect(readers.size).toBeGreaterThan(2);
  for (const feed of readers.values()) {
    expect(feed.length).toBe(100);
    for (const row of feed) expect(row.score).toBeCloseTo(scoreOf.get(row.uri) ?? Number.NaN, 8);
    expect(feed.map(({ score }) => score)).toEqual(feed.map(({ score }) => score).sort((a, b) => b - a));
  }

  expect(await replay({ config, generation: 'quiet' })).toMatchObject({
    verified: true,
    identical_bytes: true,
    feeds: { different: 0 },
  });
  const report = await simulate({ config, dbt, generation: 'quiet' });
  const superposters = Object.fromEntries(
    report.arms.map(({ arm, measures }) => [arm, measures.superposter.mean]),
  );
  expect(superposters.quiet).toBeLessThan(superposters.engagement ?? 0);
}, 400_000);
