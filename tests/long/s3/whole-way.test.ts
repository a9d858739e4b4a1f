import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compact, verifyLake } from '../../../extract/land/index.ts';
import { generateLake, type GeneratedLake } from '../../../lake/generate/index.ts';
import {
  ensureTables,
  openEngine,
  openLake,
  readCurrent,
  readCurrentGeneration,
  sqlText,
  tables,
  type Engine,
  type Lake,
} from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { cycle, rank, type CycleSummary } from '../../../ops/cycle/index.ts';
import { takeLease } from '../../../ops/cycle/lease.ts';
import { openDbt, type Dbt } from '../../../ops/dbt/index.ts';
import { verifyWholeLake } from '../../../ops/lake/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { startServer } from '../../../serve/index.ts';
import { configIn } from '../../folders.ts';
import { hasVersitygw, startS3, type S3Server } from '../../services/versitygw.ts';
import { spool, jetstreamLine } from '../../integration/land/spooling.ts';
import { labelerVersions } from '../../integration/models/warehouse.ts';

// One lake in two buckets, one cycle on it; every test looks at what they made.
describe.skipIf(!hasVersitygw)('a study whose lake is in S3', () => {
  let server: S3Server;
  let folder: string;
  let config: Config;
  let lake: Lake;
  let engine: Engine;
  let dbt: Dbt;
  let world: GeneratedLake;
  let summary: CycleSummary;

  beforeAll(async () => {
    silenceProgress();
    server = await startS3();
    folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-s3-way-'));
    config = configIn(folder, {
      FEEDTRIAL_LAKE: `${await server.bucket('study-lake')}/lake`,
      FEEDTRIAL_PRIVATE_LAKE: await server.bucket('study-private'),
      FEEDTRIAL_LABEL_PROFILE: 'demo',
    });
    lake = openLake(config.lake);
    engine = await openEngine();
    const privateLake = openLake(config.privateLake);
    await ensureTables(lake, privateLake, engine);
    world = await generateLake({
      lake,
      privateLake,
      engine,
      posts: 800,
      hours: 26,
      embeddings: 60,
      labelVersions: labelerVersions(config.projectRoot),
    });
    const author = world.participants[0]?.did ?? '';
    await spool(config, 'jetstream', 'jetstream/1', [
      jetstreamLine({
        did: author,
        time_us: world.endUs - 60_000_000,
        kind: 'commit',
        commit: {
          rev: '3zzzzzzzzzzz2',
          operation: 'create',
          collection: 'app.bsky.feed.post',
          rkey: '3zzzzzzzzzz22',
          cid: 'bafyreid7l7cdhbrzqsdzvbgvotqxbwqovgwmj2pwmbvdhfqlzvhxtjxeni',
          record: {
            $type: 'app.bsky.feed.post',
            text: 'The council votes on the new tram line tonight, and I hope they say yes.',
            langs: ['en'],
            createdAt: new Date(world.endUs / 1000).toISOString(),
          },
        },
      }),
    ]);
    dbt = await openDbt(config);
    summary = await cycle({ config, dbt, now: () => world.endUs / 1000 });
  });
  afterAll(async () => {
    await dbt?.close();
    await engine?.close();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
    silenceProgress(false);
  });

  test('goes the whole way: lands, builds, labels, ranks and publishes', () => {
    expect(summary.stages.map(({ stage, status, reason }) => ({ stage, status, reason }))).toEqual(
      [
        'land',
        'transform_queue',
        'enrich_language',
        'transform_language',
        'enrich',
        'transform',
        'rank',
        'observe',
      ].map((stage) => ({ stage, status: 'done', reason: null })),
    );
  });

  test('leaves nothing of the lake on the disk of this machine', () => {
    expect(existsSync(path.join(folder, 'lake'))).toBe(false);
    expect(existsSync(path.join(folder, 'private'))).toBe(false);
    expect(existsSync('s3:')).toBe(false);
  });

  test('ranks what was spooled, labelled and published a moment ago', async () => {
    const current = await readCurrentGeneration(lake);
    const feeds = `read_parquet(${sqlText(lake.uri(`feeds/generation=${current?.generation}/positions/feeds.parquet`))})`;
    const [row] = await engine.rows<{ participants: bigint; positions: bigint; fresh: bigint }>(
      `SELECT count(DISTINCT participant_id) AS participants, count(*) AS positions,
         count(*) FILTER (uri LIKE '%3zzzzzzzzzz22') AS fresh FROM ${feeds}`,
    );
    expect(row?.participants).toBe(11n); // ten active ones and everybody else
    expect(Number(row?.positions)).toBe(current?.positions);
    expect(Number(row?.positions)).toBeGreaterThan(300);
    expect(Number(row?.fresh)).toBeGreaterThan(0);
  });

  test('keeps the generation in force where a publisher is killed before its pointer moves, and ranks again after it', async () => {
    const before = await lake.read('feeds/current.json');
    const dies = path.join(import.meta.dirname, '../../integration/rank/rank-and-die.ts');
    const killed = await execa(
      process.execPath,
      [dies, JSON.stringify(config), 'second', String(world.endUs)],
      {
        reject: false,
        env: { TMPDIR: folder },
      },
    );
    expect(killed.signal, killed.stderr).toBe('SIGKILL');
    expect(await lake.exists('feeds/generation=second/positions/feeds.parquet')).toBe(true);
    expect(await lake.read('feeds/current.json')).toEqual(before);
    const again = await rank({ config, dbt, asOfUs: world.endUs, generation: 'second' });
    expect(await readCurrentGeneration(lake)).toMatchObject({ generation: 'second', feeds: again.feeds });
  });

  test('publishes one of two generations that were ranked at once, and the other says so', async () => {
    const overtaken = rank({
      config,
      dbt,
      asOfUs: world.endUs,
      generation: 'slower',
      // another machine publishes while everything but the pointer of this one is in place
      beforeSwap: async () => {
        const seen = await lake.read('feeds/current.json');
        await openLake(config.lake).swap(
          'feeds/current.json',
          seen,
          Buffer.from(seen ?? [])
            .toString()
            .replaceAll('second', 'faster'),
        );
      },
    });
    await expect(overtaken).rejects.toMatchObject({ code: 'FT_LAKE_POINTER_RACED' });
    expect(await readCurrentGeneration(lake)).toMatchObject({ generation: 'faster' });
    expect(await lake.exists('feeds/generation=slower/published.json')).toBe(false);
    const faster = await lake.read('feeds/current.json');
    await lake.swap(
      'feeds/current.json',
      faster,
      Buffer.from(faster ?? [])
        .toString()
        .replaceAll('faster', 'second'),
    );
  });

  test('verifies manifests, pointers and content, and says what is missing and what was altered', async () => {
    const sound = await verifyWholeLake({ config, deep: true });
    expect(sound.problems).toEqual([]);
    expect(sound.landed.files).toBeGreaterThan(0);
    expect(sound.generations.count).toBeGreaterThan(1);
    const [landedFile] = (await lake.list('raw/records')).filter(
      ({ path: file }) => !/generated|empty/.test(file),
    );
    const altered = 'feeds/generation=second/inputs/seeds/arms.csv';
    const before = {
      [altered]: await lake.read(altered),
      [landedFile?.path ?? '']: await lake.read(landedFile?.path ?? ''),
    };
    await lake.write(altered, Buffer.from(before[altered] ?? []).reverse());
    await lake.remove(landedFile?.path ?? '');
    const shallow = await verifyWholeLake({ config });
    expect(shallow.problems.map((one) => one.path)).toEqual([landedFile?.path]);
    const deep = await verifyWholeLake({ config, deep: true });
    expect(deep.problems.map((one) => one.path)).toEqual([landedFile?.path, altered]);
    for (const [file, content] of Object.entries(before)) await lake.write(file, content ?? '');
  });

  test('serves the generation from the bucket', async () => {
    const running = await startServer({ config, port: 0 });
    try {
      expect(running.generation).not.toBeNull();
      const url = `${running.url}/xrpc/app.bsky.feed.getFeedSkeleton?feed=${encodeURIComponent(running.feedUri)}`;
      const answer = (await (await fetch(url)).json()) as { feed: { post: string }[] };
      expect(answer.feed.length).toBeGreaterThan(20);
    } finally {
      await running.close();
    }
  });

  test('compacts ended days, hides what was folded, and its manifests hold', async () => {
    const count = async () =>
      (await engine.rows<{ n: bigint }>(`SELECT count(*) AS n FROM ${readCurrent(lake, tables.records)}`))[0]
        ?.n;
    const before = await count();
    const later = () => world.endUs / 1000 + 5 * 86_400_000;
    const first = await compact({ config, now: later, olderThanHours: 48, graceHours: 6, settleMs: 0 });
    expect(first.days.length).toBeGreaterThan(0);
    expect(await count()).toBe(before);
    const second = await compact({
      config,
      now: () => later() + 86_400_000,
      olderThanHours: 48,
      graceHours: 6,
      settleMs: 0,
    });
    expect(second.removed).toBeGreaterThan(0);
    expect(await count()).toBe(before);
    const found = await verifyLake({ config });
    expect(found.problems).toEqual([]);
    expect(found.files).toBeGreaterThan(0);
  });

  test('gives a lease to one of many who ask for it at once, on any machine', async () => {
    const asked = await Promise.allSettled(
      Array.from({ length: 6 }, (_, n) =>
        takeLease({ lake: openLake(config.lake), name: 'contested', runId: `run-${n}`, host: `host-${n}` }),
      ),
    );
    const held = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(held).toHaveLength(1);
    for (const one of asked)
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'FT_CYCLE_HELD' });
    await held[0]?.release();
    expect(await lake.exists('leases/contested.json')).toBe(false);
  });
});
