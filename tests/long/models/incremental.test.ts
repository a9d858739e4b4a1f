import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { compact } from '../../../extract/land/index.ts';
import { ensureTables, openEngine, openLake, type Engine } from '../../../lake/index.ts';
import { generateLake } from '../../../lake/generate/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { openDbt } from '../../../ops/dbt/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { arrivalsOf } from '../../integration/models/arrivals.ts';
import { labelerVersions, readWarehouse } from '../../integration/models/warehouse.ts';

silenceProgress();

const hourUs = 3_600_000_000;

/** Every relation but seeds, each as its count and a digest of its rows in any order, without the numbers of batches. */
async function digests(config: Config): Promise<Record<string, { n: number; digest: bigint | null }>> {
  return readWarehouse(config, async (rows) => {
    const relations = await rows<{ name: string; batched: boolean }>(
      `SELECT table_name AS name, bool_or(column_name = 'batch') AS batched FROM information_schema.columns
       WHERE table_catalog = current_database() AND table_schema = 'main' AND regexp_matches(table_name, '^(base_[bl]|stg_|int_|obs_|export_)')
         AND table_name <> 'base_bluesky__records'
       GROUP BY ALL ORDER BY ALL`,
    );
    const digested: Record<string, { n: number; digest: bigint | null }> = {};
    for (const { name, batched } of relations) {
      const [row] = await rows<{ n: bigint; digest: bigint | null }>(
        `SELECT count(*) AS n, bit_xor(md5_number_lower(relation::VARCHAR)) AS digest
         FROM (SELECT ${batched ? '* EXCLUDE (batch)' : '*'} FROM ${name}) AS relation`,
      );
      digested[name] = { n: Number(row?.n), digest: row?.digest ?? null };
    }
    return digested;
  });
}

/** How many batches a folded table has had since it was built anew. */
async function batchesOf(config: Config, table: string): Promise<number> {
  return readWarehouse(config, async (rows) => {
    const [row] = await rows<{ batch: bigint }>(`SELECT batch FROM folding.${table}`);
    return Number(row?.batch);
  });
}

interface Site {
  config: Config;
  /** Builds all that ranking reads and what counts over all history, without tests, which are other tests' promise. */
  build(options?: { full?: boolean; asOfUs?: number }): Promise<void>;
}

/** A lake and a warehouse of their own, with everything of the other lake that doesn't arrive in pieces. */
async function siteOf(engine: Engine, from: Config, endUs: number): Promise<Site> {
  const config = configIn(temporaryFolder(), { FEEDTRIAL_LABEL_PROFILE: 'demo' });
  for (const folder of ['accounts', 'identities', 'moderation_labels', 'gaps', 'exposures', 'hidden_files'])
    await cp(path.join(from.lake, 'raw', folder), path.join(config.lake, 'raw', folder), { recursive: true });
  await cp(from.privateLake, config.privateLake, { recursive: true });
  await ensureTables(openLake(config.lake), openLake(config.privateLake), engine);
  await mkdir(path.dirname(config.warehouse), { recursive: true });
  const dbt = await openDbt(config);
  onTestFinished(() => dbt.close());
  await dbt.run({ command: 'seed' });
  return {
    config,
    async build({ full = false, asOfUs = endUs } = {}) {
      await dbt.run({
        command: 'run',
        exclude: [
          'path:models/rank',
          'path:models/experiment',
          'path:models/exports',
          'obs_labels__coverage_by_arm+',
        ],
        parameters: { publish_id: 'test', as_of_us: asOfUs, label_profile: 'demo', study: config.study },
        fullRefresh: full,
      });
    },
  };
}

test('rows that come late, twice, in any order, through compaction and deletes give what a full build gives', async () => {
  const engine = await openEngine();
  onTestFinished(() => engine.close());
  const whole = configIn(temporaryFolder());
  const lake = openLake(whole.lake);
  await ensureTables(lake, openLake(whole.privateLake), engine);
  const world = await generateLake({
    lake,
    privateLake: openLake(whole.privateLake),
    engine,
    posts: 500,
    hours: 30,
    embeddings: 40,
    labelVersions: labelerVersions(whole.projectRoot),
  });
  const asOfUs = world.endUs;
  const arrivals = arrivalsOf(engine, lake, 3, 'order');

  // pieces in one order, with a compaction of all days in the middle
  const one = await siteOf(engine, whole, asOfUs);
  for (const piece of [0, 1, 2]) {
    await arrivals.arrive(piece, openLake(one.config.lake));
    await one.build();
    if (piece !== 1) continue;
    const before = await digests(one.config);
    const nowMs = asOfUs / 1000 + 96 * 3_600_000;
    const compacted = await compact({ config: one.config, now: () => nowMs, settleMs: 0, graceHours: 0 });
    expect(compacted.removed).toBeGreaterThan(100);
    const batches = await batchesOf(one.config, 'base_bluesky__posts');
    await one.build();
    expect(await batchesOf(one.config, 'base_bluesky__posts')).toBe(batches); // nothing was read again
    const after = await digests(one.config);
    delete before.base_lake__record_files; // names the files
    delete after.base_lake__record_files;
    expect(after).toEqual(before);
  }
  expect(await batchesOf(one.config, 'base_bluesky__posts')).toBeGreaterThan(2);
  const incremental = await digests(one.config);
  expect(incremental.stg_bluesky__posts?.n).toBeGreaterThan(450);
  expect(incremental.int_posts__unified?.n).toBeGreaterThan(100);
  await one.build({ full: true });
  expect(await batchesOf(one.config, 'base_bluesky__posts')).toBe(1);
  expect(await digests(one.config)).toEqual(incremental);

  // the other way round: the same rows in the end
  const other = await siteOf(engine, whole, asOfUs);
  for (const piece of [2, 0, 1]) {
    await arrivals.arrive(piece, openLake(other.config.lake));
    await other.build();
  }
  const reversed = await digests(other.config);
  delete incremental.base_lake__record_files;
  delete incremental.obs_capture__completeness; // counts reports: those of the second half came a second time with another piece
  delete reversed.base_lake__record_files;
  delete reversed.obs_capture__completeness;
  expect(reversed).toEqual(incremental);

  // the moment moves on: what leaves the window leaves the tables, as a full build says
  await other.build({ asOfUs: asOfUs + 48 * hourUs });
  const later = await digests(other.config);
  expect(later.int_posts__eligible?.n).toBeLessThan(reversed.int_posts__eligible?.n ?? 0);
  await other.build({ asOfUs: asOfUs + 48 * hourUs, full: true });
  expect(await digests(other.config)).toEqual(later);

  // a file that is gone, and whose rows no other is known to hold: an erasure. Nothing of it stays.
  const posts = path.join(other.config.lake, 'raw/records/collection_group=app.bsky.feed.post');
  const [file] = (await readdir(posts, { recursive: true })).filter((name) =>
    /piece-.*\.parquet$/.test(name),
  );
  await rm(path.join(posts, file ?? ''));
  await other.build();
  expect(await batchesOf(other.config, 'base_bluesky__posts')).toBe(1);
  const erased = await digests(other.config);
  expect(erased.stg_bluesky__posts?.digest).not.toBe(reversed.stg_bluesky__posts?.digest);
  await other.build({ full: true });
  expect(await digests(other.config)).toEqual(erased);
}, 900_000); // a dozen builds by dbt: a busy machine takes its time
