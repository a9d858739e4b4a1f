import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { compact, land, manifestPath, type CompactStep } from '../../../extract/land/index.ts';
import { ensureTables, openEngine, openLake, readCurrent, sqlText, tables } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { readStatus } from '../../../ops/status/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { racingHolds } from './racing-holds.ts';
import {
  eventTables,
  firehoseLine,
  jetstreamLine,
  spool,
  type JetstreamEvent,
  type Rows,
} from './spooling.ts';

const script = path.resolve('tests/integration/land/compacting-that-dies.ts');
const day = 86_400_000;
const start = Date.UTC(2026, 6, 3, 18);
/** 3 and 4 July have ended more than 48 hours before this; 5 July has not. */
const nowMs = Date.UTC(2026, 6, 7, 12);

/** Events of thirty hours, so that three days have some, with what else a spool brings. */
function someEvents(count: number): JetstreamEvent[] {
  const collections = ['app.bsky.feed.post', 'app.bsky.feed.like', 'com.example.other'];
  return Array.from({ length: count }, (_, n): JetstreamEvent => {
    const did = `did:plc:${String((n * 5) % 7).repeat(24)}`;
    const time_us = (start + Math.floor((n * 36 * 3_600_000) / count)) * 1000;
    if (n % 11 === 10) return { did, time_us, kind: 'account', account: { did, active: n % 2 === 0 } };
    const commit = { rev: `rev${n}`, collection: collections[n % 3] ?? '', rkey: `key${(n * 13) % count}` };
    if (n % 13 === 12) return { did, time_us, kind: 'commit', commit: { ...commit, operation: 'delete' } };
    const record = { text: `row ${n}` };
    return {
      did,
      time_us,
      kind: 'commit',
      commit: { ...commit, operation: 'create', record, cid: `bafy${n}` },
    };
  });
}

async function fill(config: Config): Promise<void> {
  const events = someEvents(240);
  for (const [n, answeredMs] of [start, start + day].entries()) {
    await spool(config, 'firehose', 'firehose/1', [
      ...events.slice(n * 120, n * 120 + 120).map((event, i) => firehoseLine(event, n * 120 + i)),
      JSON.stringify({
        t: 'gap',
        event_us: answeredMs * 1000,
        ingested_at: answeredMs * 1000,
        source: 'firehose',
        gap_id: `gap${n}`,
        kind: 'crash',
        state: 'open',
      }),
    ]);
    await spool(config, 'jetstream', 'jetstream/1', events.slice(60, 160).map(jetstreamLine));
    const answer = { req_id: `answer${n}`, served_us: answeredMs * 1000, feed_offset: 0, page_limit: 3 };
    await spool(config, 'serve', 'exposures/1', [
      JSON.stringify({ t: 'exposure', ...answer, uris: ['at://x', 'at://y'] }),
      JSON.stringify({ t: 'interaction', received_us: answeredMs * 1000 + 5, event: 'interactionSeen' }),
    ]);
    await land({ config });
  }
}

const names = [...eventTables, 'runs'] as const;

/** Rows as a reader sees them, but for the hour that they are filed under, in a total order. */
async function current(config: Config): Promise<Record<string, Rows>> {
  const engine = await openEngine({ threads: 1, memoryLimit: '1GB' });
  try {
    const lake = openLake(config.lake);
    const found: Record<string, Rows> = {};
    for (const name of names) {
      const columns = tables[name].columns.map((c) => `"${c.name}"`).join(', ');
      found[name] = await engine.rows(
        `SELECT ${columns}, dt FROM ${readCurrent(lake, tables[name])} ORDER BY ALL`,
      );
    }
    return found;
  } finally {
    await engine.close();
  }
}

const parquetFiles = async (config: Config, folder: string): Promise<string[]> =>
  (await openLake(config.lake).list(folder))
    .map((file) => file.path)
    .filter((file) => file.endsWith('.parquet') && !file.endsWith('empty.parquet'));

describe('compaction', () => {
  let full = '';
  let before: Record<string, Rows>;
  beforeAll(async () => {
    full = fs.mkdtempSync(path.join(process.env.TMPDIR ?? '/tmp', 'feedtrial-test-'));
    const config = configIn(full);
    await fill(config);
    const engine = await openEngine();
    await ensureTables(openLake(config.lake), openLake(config.privateLake), engine);
    await engine.close();
    before = await current(config);
    return () => {
      fs.rmSync(full, { recursive: true, force: true });
    };
  });

  const prepare = () => {
    const folder = temporaryFolder();
    fs.cpSync(full, folder, { recursive: true });
    return { folder, config: configIn(folder) };
  };
  const july = (file: string): boolean => /dt=2026-07-0[34]/.test(file);
  /** Rows without those of compaction's own run records, which may have been landed meanwhile. */
  const expectSame = async (config: Config): Promise<void> => {
    expect(await current(config)).toEqual(before);
  };
  const expectFolded = async (config: Config): Promise<void> => {
    const files = [...(await parquetFiles(config, 'raw')), ...(await parquetFiles(config, 'tombstones'))];
    const folded = files.filter(july);
    expect(folded.length).toBeGreaterThan(8);
    expect(folded.every((file) => /\/compacted-0001-[0-9a-f]{16}\.parquet$/.test(file))).toBe(true);
    const days = folded.map((file) => path.posix.dirname(file));
    expect(new Set(days).size).toBe(days.length);
    expect(folded.filter((file) => file.includes('raw/records')).every((f) => f.includes('/hour=all/'))).toBe(
      true,
    );
  };

  it('compares with something', () => {
    expect(before.records).toHaveLength(401); // of 440 event lines, the other 39 are account events
    for (const name of ['accounts', 'gaps', 'tombstones', 'exposures', 'interactions', 'runs'])
      expect(before[name]?.length, name).toBeGreaterThan(1);
  });

  it('folds ended days into one sorted file each, and readers see the same rows before, during and after', async () => {
    const { config } = prepare();
    const counted = async (): Promise<number> => (await readStatus(config, () => nowMs)).lake.records;
    const records = await counted();
    expect(records).toBeGreaterThan(200);
    const young = (await parquetFiles(config, 'raw/records')).filter((file) => !july(file));
    const planned = await compact({ config, now: () => nowMs, dryRun: true });
    expect(planned).toMatchObject({ dryRun: true, removed: 0 });
    await expectSame(config);

    const first = await compact({ config, now: () => nowMs, settleMs: 0 });
    expect(first.days.map(({ folder, files, rows }) => ({ folder, files, rows }))).toEqual(
      planned.days.map(({ folder, files, rows }) => ({ folder, files, rows })),
    );
    expect(first.removed).toBe(0);
    expect(first.waiting).toBeGreaterThan(30);
    await expectSame(config); // old and new files are both there
    expect(await counted()).toBe(records);

    const soon = await compact({ config, now: () => nowMs + 3_600_000, settleMs: 0 });
    expect(soon).toMatchObject({ days: [], removed: 0, waiting: first.waiting });
    const later = await compact({ config, now: () => nowMs + 6 * 3_600_000, settleMs: 0 });
    expect(later).toMatchObject({ removed: first.waiting, waiting: 0 });
    await expectSame(config);
    await expectFolded(config);
    for (const file of young) expect(await openLake(config.lake).exists(file)).toBe(true);

    const engine = await openEngine({ threads: 1 });
    try {
      const posts = (await parquetFiles(config, 'raw/records')).find(
        (file) => july(file) && file.includes('feed.post/dt=2026-07-04'),
      );
      const rows = await engine.rows<{ key: string }>(
        `SELECT concat(did, ' ', rkey, ' ', rev) AS key FROM read_parquet(${sqlText(openLake(config.lake).uri(posts ?? ''))}, file_row_number = true) ORDER BY file_row_number`,
      );
      expect(rows.length).toBeGreaterThan(20);
      expect(rows.map(({ key }) => key)).toEqual(rows.map(({ key }) => key).sort());
    } finally {
      await engine.close();
    }
  });

  it.each<[CompactStep, number, number]>([
    ['planned', 2, 6],
    ['targets-hidden', 1, 6],
    ['target-written', 2, 6],
    ['target-adopted', 3, 6],
    ['switched', 1, 6],
    ['manifest-switched', 2, 6],
    ['manifest-switched', 1, 0],
    ['source-removed', 3, 0],
    ['done', 2, 0],
  ])('killed after %s (%i) shows every row once, and the next one ends it', async (step, nth, grace) => {
    const { folder, config } = prepare();
    const child = spawnSync(
      process.execPath,
      [script, folder, String(nowMs), String(grace), step, String(nth)],
      { encoding: 'utf8', env: { ...process.env, TMPDIR: folder } },
    );
    expect(child.signal, child.stderr).toBe('SIGKILL');
    await expectSame(config);
    await compact({ config, now: () => nowMs, settleMs: 0 });
    await expectSame(config);
    await compact({ config, now: () => nowMs + day, settleMs: 0 });
    await expectSame(config);
    await expectFolded(config);
  });

  it('of two machines that compact one lake at once one works, and the other says who does', async () => {
    const { folder, config } = prepare();
    const hold = racingHolds(config.lake);
    const options = { now: () => nowMs, settleMs: 0 };
    const outcomes = await Promise.allSettled([
      compact({ ...options, config, hold: hold('one') }),
      compact({
        ...options,
        config: { ...config, spool: path.join(folder, 'spool-of-the-other') },
        hold: hold('other'),
      }),
    ]);
    expect(outcomes.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
    for (const one of outcomes)
      if (one.status === 'rejected')
        expect(one.reason).toMatchObject({
          code: 'FT_CYCLE_HELD',
          message: expect.stringMatching(/on (one|other), since/) as string,
        });
    await expectSame(config);
    await compact({ config, now: () => nowMs + day, settleMs: 0 }); // the lease was given back
    await expectSame(config);
    await expectFolded(config);
  });

  it('takes what came late into a compacted day, and leaves what a landing has not finished', async () => {
    const { config } = prepare();
    const lake = openLake(config.lake);
    await compact({ config, now: () => nowMs, settleMs: 0 });
    const late = someEvents(240).slice(0, 20).map(jetstreamLine);
    await spool(config, 'jetstream', 'jetstream/1', late);
    const { batches } = await land({ config });
    const withLate = await current(config);
    expect(withLate.records?.length).toBeGreaterThan(before.records?.length ?? 0);

    const manifest = await lake.read(manifestPath(batches[0] ?? ''));
    await lake.remove(manifestPath(batches[0] ?? ''));
    expect((await compact({ config, now: () => nowMs, settleMs: 0 })).days).toEqual([]);
    await lake.write(manifestPath(batches[0] ?? ''), manifest ?? '');

    const second = await compact({ config, now: () => nowMs + 1, settleMs: 0 });
    expect(second.days.length).toBeGreaterThan(0);
    expect(await current(config)).toEqual(withLate); // three generations of a day side by side
    await compact({ config, now: () => nowMs + day, settleMs: 0 });
    expect(await current(config)).toEqual(withLate);
    const posts = await parquetFiles(config, 'raw/records/collection_group=app.bsky.feed.post/dt=2026-07-03');
    expect(posts).toHaveLength(1);
    expect(posts[0]).toContain('/hour=all/compacted-0002-');
  });

  it('keeps the old files where the new one does not hold their rows', async () => {
    const { config } = prepare();
    const lake = openLake(config.lake);
    await compact({ config, now: () => nowMs, settleMs: 0 });
    const files = await parquetFiles(config, 'raw/records');
    const target = files.find((file) => file.includes('compacted-')) ?? '';
    await lake.remove(target);
    await expect(compact({ config, now: () => nowMs + day, settleMs: 0 })).rejects.toMatchObject({
      code: 'FT_LAND_COMPACTION_ROWS',
    });
    const left = await parquetFiles(config, path.posix.dirname(path.posix.dirname(target)));
    expect(left.length).toBeGreaterThan(1);
  });
});
