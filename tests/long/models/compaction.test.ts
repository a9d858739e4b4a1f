import { expect, test } from 'vitest';
import { compact } from '../../../extract/land/index.ts';
import { ensureTables, openEngine, openLake } from '../../../lake/index.ts';
import { generateLake } from '../../../lake/generate/index.ts';
import { transform } from '../../../ops/cycle/transform.ts';
import { openDbt } from '../../../ops/dbt/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { labelerVersions, readWarehouse } from '../../integration/models/warehouse.ts';

const hourMs = 3_600_000;

/** What folds and what only counts; posts are read by file and row, which compaction changes. */
const relations = [
  'stg_bluesky__posts',
  'stg_bluesky__likes',
  'stg_bluesky__accounts',
  'stg_labels__values',
  'int_posts__filtered',
  'int_posts__engagement',
  'obs_capture__completeness',
  'obs_labels__coverage',
  'obs_lake__freshness',
];

test('models give the same rows before, during and after the days they read are compacted', async () => {
  const config = configIn(temporaryFolder(), { FEEDTRIAL_LABEL_PROFILE: 'demo' });
  const lake = openLake(config.lake);
  const privateLake = openLake(config.privateLake);
  const engine = await openEngine();
  const dbt = await openDbt(config);
  try {
    await ensureTables(lake, privateLake, engine);
    const labelVersions = labelerVersions(config.projectRoot);
    const world = await generateLake({
      lake,
      privateLake,
      engine,
      posts: 600,
      hours: 30,
      embeddings: 30,
      labelVersions,
    });
    const build = async (): Promise<Record<string, unknown>> => {
      await transform({ config, dbt, asOfUs: world.endUs, full: true });
      await dbt.close();
      return readWarehouse(config, async (rows) => {
        const built: Record<string, unknown> = {};
        for (const relation of relations)
          built[relation] = await rows(
            `SELECT count(*) AS n, bit_xor(md5_number_lower(relation::VARCHAR)) AS digest FROM ${relation} AS relation`,
          );
        return built;
      });
    };
    const before = await build();
    expect(before.stg_bluesky__posts).toMatchObject([{ n: expect.any(BigInt) as bigint }]);

    const nowMs = world.endUs / 1000 + 96 * hourMs;
    const folded = await compact({ config, now: () => nowMs, settleMs: 0 });
    expect(folded.days.length).toBeGreaterThan(15);
    expect(folded.waiting).toBeGreaterThan(100);
    expect(await build()).toEqual(before);

    expect(await compact({ config, now: () => nowMs + 7 * hourMs, settleMs: 0 })).toMatchObject({
      removed: folded.waiting,
      waiting: 0,
    });
    expect(await build()).toEqual(before);
  } finally {
    await dbt.close();
    await engine.close();
  }
});
