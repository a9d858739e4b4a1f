import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { land, type LandStep } from '../../../extract/land/index.ts';
import { listSealed, lockHolder } from '../../../lake/index.ts';
import { loadConfig } from '../../../ops/config/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import {
  eventTables,
  firehoseLine,
  jetstreamLine,
  landed,
  spool,
  unlanded,
  type JetstreamEvent,
  type Rows,
} from './spooling.ts';

const script = path.resolve('tests/integration/land/landing-that-dies.ts');

/** Events of six hours on either side of midnight UTC, in several collections, with deletes and account events. */
function someEvents(count: number): JetstreamEvent[] {
  const collections = [
    'app.bsky.feed.post',
    'app.bsky.feed.like',
    'app.bsky.graph.follow',
    'com.example.other',
  ];
  return Array.from({ length: count }, (_, n): JetstreamEvent => {
    const did = `did:plc:${String(n % 7).repeat(24)}`;
    const time_us = Date.UTC(2026, 6, 3, 21) * 1000 + n * 97_000_000;
    if (n % 29 === 28)
      return { did, time_us, kind: 'account', account: { did, active: false, status: 'deactivated' } };
    if (n % 31 === 30)
      return { did, time_us, kind: 'identity', identity: { did, handle: `account${n}.test` } };
    const collection = collections[n % collections.length] ?? '';
    const commit = { rev: `rev${n}`, collection, rkey: `key${n}` };
    if (n % 13 === 12) return { did, time_us, kind: 'commit', commit: { ...commit, operation: 'delete' } };
    const record = { $type: collection, text: `row ${n} "quoted" ö`, createdAt: '2026-07-04T00:00:00Z' };
    return {
      did,
      time_us,
      kind: 'commit',
      commit: { ...commit, operation: 'create', record, cid: `bafy${n}` },
    };
  });
}

async function fill(folder: string): Promise<void> {
  const config = configIn(folder);
  const events = someEvents(220);
  await spool(config, 'firehose', 'firehose/1', events.slice(0, 110).map(firehoseLine));
  await spool(config, 'firehose', 'firehose/1', [
    ...events.slice(110).map((event, n) => firehoseLine(event, 110 + n)),
    'not JSON',
  ]);
  await spool(config, 'jetstream', 'jetstream/1', events.slice(50, 150).map(jetstreamLine));
  const answer = {
    t: 'exposure',
    req_id: 'a',
    served_us: Date.UTC(2026, 6, 4) * 1000,
    feed_offset: 0,
    page_limit: 3,
    uris: ['at://x', 'at://y'],
  };
  await spool(config, 'serve', 'exposures/1', [JSON.stringify(answer)]);
}

describe('a landing that is killed', () => {
  let full = '';
  let uninterrupted: Record<string, Rows>;
  beforeAll(async () => {
    // lives as long as the file's tests, so it is not a temporaryFolder() of one of them
    full = fs.mkdtempSync(path.join(process.env.TMPDIR ?? '/tmp', 'feedtrial-test-'));
    await fill(full);
    const folder = `${full}-landed`;
    fs.cpSync(full, folder, { recursive: true });
    const config = configIn(folder);
    await land({ config, maxBatchBytes: 40_000 });
    uninterrupted = await landed(config, [...eventTables]);
    fs.rmSync(folder, { recursive: true });
    return () => {
      fs.rmSync(full, { recursive: true, force: true });
    };
  });

  /** A copy of the full spool, with an environment whose temporary files go with it. */
  const prepare = () => {
    const folder = temporaryFolder();
    fs.cpSync(full, folder, { recursive: true });
    const tmp = path.join(folder, 'tmp');
    fs.mkdirSync(tmp);
    return { folder, config: configIn(folder), env: { ...process.env, TMPDIR: tmp } };
  };

  const expectWhole = async (config: ReturnType<typeof loadConfig>): Promise<void> => {
    // with batches of another size: only the plan on disk says which files the one that died had begun
    await land({ config });
    expect(await landed(config, [...eventTables])).toEqual(uninterrupted);
    for (const stream of ['firehose', 'jetstream', 'serve']) expect(unlanded(config, stream)).toEqual([]);
    expect(fs.existsSync(path.join(config.spool, '_landing/plan.json'))).toBe(false);
  };

  it('compares with something', () => {
    expect(uninterrupted.records).toHaveLength(299); // 206 of the firehose's 220 events are records, 93 of Jetstream's 100
    expect(uninterrupted.rejected).toHaveLength(1);
    expect(uninterrupted.exposures).toHaveLength(2);
    const hours = new Set(uninterrupted.records?.map(({ dt, hour }) => `${String(dt)} ${String(hour)}`));
    expect(hours.size).toBeGreaterThan(5);
  });

  it.each<[LandStep, number]>([
    ['planned', 1],
    ['decoded', 1],
    ['file-written', 3],
    ['file-adopted', 7],
    ['file-adopted', 30],
    ['files-adopted', 1],
    ['manifest-written', 1],
    ['manifest-written', 2],
    ['segment-removed', 1],
    ['segments-removed', 1],
    ['plan-removed', 1],
  ])('after %s (%i) ends, with the next, in the rows of one that was not', async (step, nth) => {
    const { folder, config, env } = prepare();
    const child = spawnSync(process.execPath, [script, folder, step, String(nth)], { env, encoding: 'utf8' });
    expect(child.signal, child.stderr).toBe('SIGKILL');
    await expectWhole(config);
  });

  it('again and again, at any moment, still ends in the same rows', async () => {
    const { folder, config, env } = prepare();
    let killed = 0;
    for (const ms of [0, 20, 40, 80, 120, 160]) {
      const child = spawn(process.execPath, [script, folder, 'never', '1'], { env, stdio: 'ignore' });
      onTestFinished(() => {
        child.kill('SIGKILL');
      });
      const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
      const lock = path.join(config.spool, '_landing/lock');
      const named = (): boolean => lockHolder(lock)?.pid === child.pid;
      while (!named() && child.exitCode === null) await sleep(5);
      await Promise.race([ended, sleep(ms)]);
      child.kill('SIGKILL');
      if ((await ended)[1] === 'SIGKILL') killed++;
    }
    expect(killed).toBeGreaterThan(0);
    await expectWhole(config);
  });

  it('is not missed: landing what was landed adds nothing', async () => {
    const { config } = prepare();
    await land({ config, maxBatchBytes: 40_000 });
    await expectWhole(config);
    expect(listSealed(config.spool).map(({ stream }) => stream)).toEqual(['runs']); // how that landing ended
  });
});
