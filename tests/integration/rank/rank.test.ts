import { cpSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { computeSimilarity } from '../../../enrich/similarity/index.ts';
import {
  decodeServing,
  feedsFile,
  generationFolder,
  readCurrentGeneration,
} from '../../../lake/feeds/index.ts';
import { openEngine, openLake, readTable, sqlText, tables, type Engine } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { compareGenerations } from '../../../ops/cycle/diff.ts';
import { rank, type RankSummary } from '../../../ops/cycle/rank.ts';
import { replay } from '../../../ops/cycle/replay.ts';
import { discardAbandoned, generationFiles, type Manifest } from '../../../ops/cycle/publish.ts';
import { openDbt, type Dbt } from '../../../ops/dbt/index.ts';
import { verifyWholeLake } from '../../../ops/lake/index.ts';
import { readWarehouse } from '../models/warehouse.ts';
import { oracleFeed, type OraclePost, type OracleReader } from './oracle.ts';
import { buildBeforeRanking, makeSmallLake, type SmallLake } from './small-lake.ts';

interface FeedRow {
  participant_id: string;
  arm: string;
  position: number;
  uri: string;
  author_did: string;
  score: number;
  is_in_network: boolean;
  served_before: boolean;
  position_before_shuffle: number;
  propensity: number;
}

let small: SmallLake;
let config: Config;
let dbt: Dbt;
let engine: Engine;
let first: RankSummary;
let second: RankSummary;

const parquet = (root: string, file: string): string =>
  `read_parquet(${sqlText(path.join(root, file))}, hive_partitioning = false)`;

const feedsOf = (generation: string, root = config.lake): Promise<FeedRow[]> =>
  engine.rows<FeedRow>(
    `SELECT * FROM ${parquet(root, generationFiles(generation).feeds)} ORDER BY participant_id, position`,
  );

const postsOf = (generation: string): Promise<OraclePost[]> =>
  engine.rows<OraclePost>(
    `SELECT * REPLACE (event_us::DOUBLE AS event_us, likes::DOUBLE AS likes) FROM ${parquet(config.lake, generationFiles(generation).scored)}`,
  );

/** Participant -> accounts that they follow, straight from the raw records: the last operation on a record counts. */
async function followsOf(): Promise<Map<string, Set<string>>> {
  const rows = await engine.rows<{ participant_id: string; subject: string }>(`
    WITH last AS (
      SELECT did, rkey, max_by(operation, rev) AS operation, max_by(record ->> '$.subject', rev) AS subject
      FROM ${readTable(openLake(config.lake), tables.records)}
      WHERE "collection" = 'app.bsky.graph.follow' GROUP BY did, rkey
    )
    SELECT participant_id, subject FROM last
    JOIN read_parquet(${sqlText(path.join(config.privateLake, 'participants/*.parquet'))}) AS roster USING (did)
    WHERE operation <> 'delete'`);
  const follows = new Map<string, Set<string>>();
  for (const { participant_id, subject } of rows)
    follows.set(participant_id, (follows.get(participant_id) ?? new Set()).add(subject));
  return follows;
}

const byReader = (rows: FeedRow[]): Map<string, FeedRow[]> => Map.groupBy(rows, (row) => row.participant_id);

const readersOf = (
  feeds: Map<string, FeedRow[]>,
  follows: Map<string, Set<string>>,
  last: Map<string, FeedRow[]>,
): OracleReader[] =>
  [...feeds].map(([participantId, rows]) => ({
    participantId,
    arm: rows[0]?.arm ?? '',
    follows: follows.get(participantId) ?? new Set(),
    lastFeed: new Set(last.get(participantId)?.map((row) => row.uri)),
  }));

beforeAll(async () => {
  small = await makeSmallLake();
  config = small.config;
  dbt = await openDbt(config);
  engine = await openEngine();
  await buildBeforeRanking(small, dbt);
  cpSync(config.lake, path.join(small.folder, 'lake-again'), { recursive: true });
  first = await rank({ config, dbt, asOfUs: small.generated.endUs, generation: 'first' });
  second = await rank({ config, dbt, asOfUs: small.generated.endUs, generation: 'second' });
}, 600_000);

afterAll(async () => {
  await dbt?.close();
  await engine?.close();
  small?.remove();
});

describe('a generation', () => {
  it('has a feed for every active participant and one for everyone else', async () => {
    const active = small.generated.participants.filter((p) => p.status === 'active');
    const feeds = byReader(await feedsOf('first'));
    expect([...feeds.keys()].sort()).toEqual([...active.map((p) => p.participantId), '_default'].sort());
    for (const { participantId, arm } of active) expect(feeds.get(participantId)?.[0]?.arm).toBe(arm);
    expect(new Set([...feeds.values()].map((rows) => rows[0]?.arm))).toEqual(
      new Set(['default', 'reverse_chronological', 'engagement', 'treatment']),
    );
    for (const rows of feeds.values()) expect(rows.length).toBeGreaterThan(50);
    expect(first.feeds).toBe(feeds.size);
  });

  it.each(['first', 'second'])(
    'is what the rules say, worked out apart from the SQL (%s)',
    async (generation) => {
      const feeds = byReader(await feedsOf(generation));
      const last = generation === 'second' ? byReader(await feedsOf('first')) : new Map<string, FeedRow[]>();
      const posts = await postsOf(generation);
      const readers = readersOf(feeds, await followsOf(), last);
      expect(readers.some((reader) => reader.follows.size > 0)).toBe(true);
      for (const reader of readers) {
        const expected = oracleFeed(posts, reader, { seed: config.study, generation });
        const rows = feeds.get(reader.participantId) ?? [];
        expect(rows.map((row) => row.uri)).toEqual(expected.map((one) => one.uri));
        expect(rows.map((row) => row.position_before_shuffle)).toEqual(
          expected.map((one) => one.positionBeforeShuffle),
        );
        rows.forEach((row, i) => {
          expect(row.position).toBe(i + 1);
          expect(row.score).toBeCloseTo(expected[i]?.score ?? Number.NaN, 8);
          expect(row.propensity).toBeCloseTo(expected[i]?.propensity ?? Number.NaN, 12);
          expect(row.is_in_network).toBe(reader.follows.has(row.author_did));
          expect(row.served_before).toBe(reader.lastFeed.has(row.uri));
        });
      }
    },
  );

  it('repeats at most 60 posts of the feed before it, and does repeat some', async () => {
    for (const rows of byReader(await feedsOf('second')).values()) {
      const repeated = rows.filter((row) => row.served_before).length;
      expect(repeated).toBeLessThanOrEqual(60);
      expect(repeated).toBeGreaterThan(0);
    }
  });

  it('is served by the pointer, and its Arrow file holds the feeds of its Parquet file', async () => {
    const lake = openLake(config.lake);
    const current = await readCurrentGeneration(lake);
    expect(current).toMatchObject({
      generation: 'second',
      feeds: second.feeds,
      positions: second.positions,
      as_of_us: small.generated.endUs,
    });
    const serving = decodeServing((await lake.read(current?.serving ?? '')) ?? new Uint8Array());
    const feeds = byReader(await feedsOf('second'));
    expect(serving.feeds).toHaveLength(feeds.size);
    for (const feed of serving.feeds)
      expect([...feed.positions].map((index) => serving.uris[index])).toEqual(
        feeds.get(feed.participantId)?.map((row) => row.uri),
      );
  });

  it('says in its manifest what it was made of', async () => {
    const bytes = await openLake(config.lake).read(generationFiles('second').manifest);
    const manifest = JSON.parse(Buffer.from(bytes ?? []).toString('utf8')) as Manifest;
    expect(manifest).toMatchObject({
      generation: 'second',
      previous_generation: 'first',
      random_seed: config.study,
    });
    expect(Object.keys(manifest.participants)).toHaveLength(second.feeds);
    expect(Object.keys(manifest.seeds)).toContain('ranking_policies.csv');
    expect(Object.keys(manifest.files)).toEqual(
      expect.arrayContaining([
        'positions/feeds.parquet',
        'serving.arrow',
        'inputs/scored.parquet',
        'inputs/sql/fct_feeds.sql',
      ]),
    );
    expect(manifest.guardrails.every((guardrail) => guardrail.is_passed)).toBe(true);
    expect(manifest.counts.scored_posts).toBe((await postsOf('second')).length);
  });
});

describe('replaying a generation', () => {
  it('builds it again, byte for byte, from what it stored', async () => {
    for (const generation of ['first', 'second']) {
      const summary = await replay({ config, generation });
      expect(summary).toMatchObject({
        verified: true,
        identical_bytes: true,
        how: 'rebuilt',
        feeds: { identical: first.feeds, erased: 0, checked_in_part: 0, different: 0 },
        changed_files: [],
      });
    }
  });

  it('finds the feeds where generations had them before they had a folder of their own', async () => {
    const at = (file: string): string => path.join(config.lake, file);
    const { feeds, manifest } = generationFiles('first');
    const old = `${generationFolder('first')}/feeds.parquet`;
    const written = readFileSync(at(manifest), 'utf8');
    // the queue in force is a name alone here
    const wrongFeeds = async () =>
      (await verifyWholeLake({ config, deep: true })).problems.filter((one) => one.path.startsWith('feeds/'));
    renameSync(at(feeds), at(old));
    writeFileSync(at(manifest), written.replace(`"${feedsFile}"`, '"feeds.parquet"'));
    try {
      const summary = await replay({ config, generation: 'first' });
      expect(summary).toMatchObject({ verified: true, identical_bytes: true, changed_files: [] });
      const difference = await compareGenerations({ config, from: 'first', to: 'second' });
      expect(difference.feeds).toBe(first.feeds);
      expect(await wrongFeeds()).toEqual([]);
      await dbt.run({ command: 'run', select: ['stg_feeds__published'] });
      await dbt.close();
      const [read] = await readWarehouse(config, (rows) =>
        rows<{ n: bigint }>("SELECT count(*) AS n FROM stg_feeds__published WHERE generation = 'first'"),
      );
      dbt = await openDbt(config);
      expect(Number(read?.n)).toBe(first.positions);
    } finally {
      renameSync(at(old), at(feeds));
    }
    // moved by hand, as docs/engines.md says, under its old manifest
    expect(await replay({ config, generation: 'first' })).toMatchObject({
      verified: true,
      changed_files: [],
    });
    expect(await wrongFeeds()).toEqual([]);
    writeFileSync(at(manifest), written);
  });
});

describe('the SQL of ranking', () => {
  it('gives the numbers that were worked out by hand', async () => {
    const select = ['path:models/rank,test_type:unit', 'path:models/experiment,test_type:unit'];
    // Fixtures take their columns from what they stand in for, so the views of the experiment have to be there.
    await dbt.run({ command: 'run', select: ['path:models/experiment'] });
    const { nodes } = await dbt.run({ command: 'test', select });
    expect(nodes.length).toBeGreaterThanOrEqual(20);
    expect(nodes.filter((node) => node.status !== 'pass')).toEqual([]);
  });
});

describe('similarity', () => {
  it('is the cosine to the mean of the popular posts, for every embedded post that is eligible', async () => {
    const chosen = await engine.rows<{ uri: string; is_popular: boolean; embedding: number[] }>(`
      SELECT p.uri, p.is_popular, e.embedding::DOUBLE[] AS embedding
      FROM ${parquet(config.lake, 'queue/publish=small/similarity_posts.parquet')} AS p
      JOIN ${readTable(openLake(config.lake), tables.embeddings)} AS e ON e.uri = p.uri AND e.cid = p.cid AND e.version = p.embedding_version`);
    const popular = chosen.filter((post) => post.is_popular);
    expect(popular.length).toBeGreaterThan(2);
    const center = popular.reduce<number[]>(
      (sum, { embedding }) => embedding.map((x, i) => x + (sum[i] ?? 0)),
      [],
    );
    const length = Math.hypot(...center);
    const stored = await engine.rows<{ uri: string; similarity: number }>(
      `SELECT * FROM ${parquet(config.lake, `similarity/posts/set=${second.similaritySet}/posts.parquet`)}`,
    );
    const similarityOf = new Map(stored.map((row) => [row.uri, row.similarity]));
    expect(similarityOf.size).toBe(chosen.length);
    for (const { uri, embedding } of chosen) {
      const cosine = embedding.reduce((sum, x, i) => sum + (x * (center[i] ?? 0)) / length, 0);
      expect(similarityOf.get(uri)).toBeCloseTo(cosine, 5);
    }
  });

  it('is empty where nothing was published to compare', async () => {
    const summary = await computeSimilarity({ config, publishId: 'no-such' });
    expect(summary).toMatchObject({ set: '_none', posts: 0 });
  });
});

describe('ranking again', () => {
  it('with the same inputs gives the same bytes, at any number of threads', async () => {
    await dbt.close();
    const again = { ...config, lake: path.join(small.folder, 'lake-again'), threads: 1 };
    const other = await openDbt(again);
    try {
      await rank({ config: again, dbt: other, asOfUs: small.generated.endUs, generation: 'first' });
    } finally {
      await other.close();
      dbt = await openDbt(config);
    }
    for (const file of [generationFiles('first').feeds, generationFiles('first').scored])
      expect(
        readFileSync(path.join(again.lake, file)).equals(readFileSync(path.join(config.lake, file))),
      ).toBe(true);
  });

  it('under the name of a generation that was published is refused', async () => {
    await expect(rank({ config, dbt, generation: 'second' })).rejects.toThrow(/was published already/);
  });
});

describe('a ranking that does not end well', () => {
  const pointer = (): string => readFileSync(path.join(config.lake, 'feeds/current.json'), 'utf8');

  it('leaves the last generation in force when it is killed before the pointer moves, and can be run again', async () => {
    const before = pointer();
    const { endUs } = small.generated;
    const args = [
      path.join(import.meta.dirname, 'rank-and-die.ts'),
      JSON.stringify(config),
      'third',
      String(endUs),
    ];
    const killed = await execa(process.execPath, args, { reject: false, env: { TMPDIR: small.folder } });
    expect(killed.signal).toBe('SIGKILL');
    expect(existsSync(path.join(config.lake, generationFiles('third').feeds))).toBe(true);
    expect(pointer()).toBe(before);

    const again = await rank({ config, dbt, asOfUs: endUs, generation: 'third' });
    expect(JSON.parse(pointer())).toMatchObject({ generation: 'third', feeds: again.feeds });
  }, 400_000);

  it('is cleared away after an hour, and what was ever in force is kept', async () => {
    const lake = openLake(config.lake);
    await lake.write('feeds/generation=dead/inputs/scored.parquet', 'half');
    await lake.write('feeds/generation=dead/manifest.json', '{}');
    expect(await discardAbandoned(lake, openLake(config.privateLake), Date.now())).toEqual([]);
    expect(await discardAbandoned(lake, openLake(config.privateLake), Date.now() + 3_700_000)).toEqual([
      'dead',
    ]);
    expect(await lake.list('feeds/generation=dead')).toEqual([]);
    for (const generation of ['first', 'second', 'third'])
      expect(await lake.exists(generationFiles(generation).feeds)).toBe(true);
  });

  it('refuses to rank as of a moment that the models were not built for, and says how to build them', async () => {
    const queue = path.join(config.lake, 'queue/current.json');
    const built = readFileSync(queue, 'utf8');
    const before = pointer();
    writeFileSync(queue, JSON.stringify({ publish_id: 'small', as_of_us: small.generated.endUs }));
    try {
      const { code, stderr } = await runCli(['rank', '--as-of', '2020-01-01', '--generation', 'other']);
      expect(stderr).toContain('FT_RANK_AS_OF');
      expect(stderr).toContain('feedtrial transform --as-of 2020-01-01T00:00:00.000Z');
      expect(code).toBe(2);
      expect(pointer()).toBe(before);
    } finally {
      writeFileSync(queue, built);
    }
  }, 400_000);

  it('keeps the last generation, says so and exits 4 where a guardrail is breached', async () => {
    const before = pointer();
    const { code, stdout, stderr } = await runCli([
      'rank',
      '--json',
      '--as-of',
      '2020-01-01',
      '--generation',
      'empty',
    ]);
    expect(stderr).toContain('FT_RANK_REFUSED');
    expect(stderr).toContain('default_feed_posts');
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'FT_RANK_REFUSED' } });
    expect(pointer()).toBe(before);
    expect(existsSync(path.join(config.lake, generationFiles('empty').feeds))).toBe(false);
    expect(existsSync(path.join(config.lake, 'refused/empty.json'))).toBe(true);
  }, 400_000);
});

async function runCli(args: string[]): Promise<{ code: number | undefined; stdout: string; stderr: string }> {
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    [path.join(config.projectRoot, 'ops/cli/main.ts'), ...args],
    {
      reject: false,
      env: {
        FEEDTRIAL_LAKE: config.lake,
        FEEDTRIAL_PRIVATE_LAKE: config.privateLake,
        FEEDTRIAL_SPOOL: config.spool,
        FEEDTRIAL_WAREHOUSE: config.warehouse,
        FEEDTRIAL_LABEL_PROFILE: config.labelProfile,
      },
    },
  );
  return { code: exitCode, stdout, stderr };
}
