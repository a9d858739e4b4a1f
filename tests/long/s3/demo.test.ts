import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backfillRepositories } from '../../../extract/backfill/index.ts';
import { compact, land } from '../../../extract/land/index.ts';
import {
  openEngine,
  openLake,
  readCurrentGeneration,
  readTable,
  tables,
  type Engine,
  type Lake,
} from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { compareArms } from '../../../ops/demo/compare.ts';
import { demoConfig } from '../../../ops/demo/folder.ts';
import { bringUp, type RunningDemo } from '../../../ops/demo/run.ts';
import { examine } from '../../../ops/doctor/index.ts';
import { verifyWholeLake } from '../../../ops/lake/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { readStatus } from '../../../ops/status/index.ts';
import { startTelemetry } from '../../../ops/telemetry/index.ts';
import { racingHolds } from '../../integration/land/racing-holds.ts';
import { hasVersitygw, startS3, type S3Server } from '../../services/versitygw.ts';

// The demo's network, captured, labelled, ranked and served with both lakes in buckets; every test looks at what is there.
describe.skipIf(!hasVersitygw)('the whole way of the demo in S3', () => {
  let server: S3Server;
  let folder: string;
  let config: Config;
  let demo: RunningDemo;
  let lake: Lake;
  let engine: Engine;

  beforeAll(async () => {
    silenceProgress();
    server = await startS3();
    folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-s3-demo-'));
    const temporary = path.join(folder, 'tmp');
    mkdirSync(temporary);
    config = {
      ...demoConfig(folder, {}),
      lake: `${await server.bucket('demo-lake')}/lake`,
      privateLake: await server.bucket('demo-private'),
    };
    await startTelemetry(config);
    demo = await bringUp({ config, folder: temporary, source: { seed: 'feedtrial' }, port: 0 });
    config = demo.config;
    lake = openLake(config.lake);
    engine = await openEngine();
  });
  afterAll(async () => {
    await engine?.close();
    await demo?.close();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
    silenceProgress(false);
  });

  test('has every operation of the network in the bucket, verified, and nothing of a lake on the disk', async () => {
    const [row] = await engine.rows<{ n: bigint; distinct_n: bigint; verified: boolean }>(`
      SELECT count(*) AS n, count(DISTINCT (did, "collection", rkey, rev)) AS distinct_n, bool_and(verified) AS verified
      FROM ${readTable(lake, tables.records)}`);
    expect(row?.verified).toBe(true);
    expect(Number(row?.n)).toBe(demo.miniature?.population.operations);
    expect(row?.distinct_n).toBe(row?.n);
    for (const name of ['lake', 'private', 's3:'])
      expect(existsSync(path.join(folder, name)), name).toBe(false);
  });

  test('serves each arm the feed of the generation in the bucket', async () => {
    const current = await readCurrentGeneration(lake);
    expect(demo.server.generation).toBe(current?.generation);
    const comparison = await compareArms(demo);
    expect(comparison.feeds.map(({ arm }) => arm)).toEqual([
      'reverse_chronological',
      'engagement',
      'treatment',
      'default',
    ]);
    for (const { arm, uris } of comparison.feeds) expect([arm, uris.length > 20]).toEqual([arm, true]);
    expect(comparison.feeds[0]?.uris).not.toEqual(comparison.feeds[2]?.uris);
  });

  test('a backfill of a participant lands in the bucket, and finds every record as capture saw it', async () => {
    const did = demo.participants[0]?.did ?? '';
    const summary = await backfillRepositories({ config, dids: [did] });
    expect([summary.asked, summary.missed]).toEqual([1, []]);
    await land({ config });
    const [outcome] = await engine.rows<{
      outcome: string;
      verified: boolean;
      records: bigint;
      written: bigint;
    }>(
      `SELECT "outcome", verified, records, written FROM ${readTable(lake, tables.backfills)} WHERE did = '${did}'`,
    );
    const [captured] = await engine.rows<{ n: bigint }>(`
      SELECT count(*) AS n FROM (
        SELECT arg_max("operation", row(rev, seq)) AS last FROM ${readTable(lake, tables.records)}
        WHERE did = '${did}' GROUP BY collection, rkey) WHERE last <> 'delete'`);
    expect(Number(captured?.n)).toBeGreaterThan(0);
    expect(outcome).toEqual({ outcome: 'done', verified: true, records: captured?.n, written: 0n });
  });

  test('status and doctor read the buckets, and the lake is what its manifests say', async () => {
    const status = await readStatus(config);
    expect(status.lakeRoot).toBe(config.lake);
    expect(status.lake).toMatchObject({});
    const findings = await examine({ config, offline: true });
    const places = findings.filter(({ name }) => name === 'places' || /lake/i.test(name));
    expect(places.length).toBeGreaterThan(0);
    expect(places.filter((one) => one.state === 'fail')).toEqual([]);
    expect((await verifyWholeLake({ config, deep: true })).problems).toEqual([]);
  });

  test('of two machines that compact at once one works, and no row is lost or doubled', async () => {
    const count = async (): Promise<unknown> =>
      (await engine.rows(`SELECT count(*) AS n FROM ${readTable(lake, tables.records)}`))[0]?.n;
    const before = await count();
    const later = (): number => Date.now() + 10 * 86_400_000;
    const hold = racingHolds(config.lake);
    const options = { now: later, olderThanHours: 48, graceHours: 0, settleMs: 0 };
    const twice = await Promise.allSettled([
      compact({ ...options, config, hold: hold('one') }),
      compact({
        ...options,
        config: { ...config, spool: path.join(folder, 'other-spool') },
        hold: hold('other'),
      }),
    ]);
    expect(twice.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
    for (const one of twice)
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'FT_CYCLE_HELD' });
    expect(await lake.exists('leases/compaction.json')).toBe(false);
    await compact({ ...options, config, now: () => later() + 86_400_000 });
    expect(await count()).toBe(before);
    expect((await verifyWholeLake({ config })).problems).toEqual([]);
  });
});
