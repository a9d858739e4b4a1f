import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { backfillRepositories, backfillWindow, findTargets } from '../../../extract/backfill/index.ts';
import { openSegmentWriter } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { spooledLines, startJetstreamDouble } from '../../relay/index.ts';
import { nthDid, startFakeNetwork } from './fake-pds.ts';
import { landedRows, type LandedRecord } from './rows.ts';

silenceProgress();

interface Gap {
  gap_id: string;
  kind: string;
  did: string | null;
  collection: string | null;
  from_us: number | null;
  to_us: number | null;
}

/** Spools open gaps as capture would have stated them. */
async function openGapsIn(config: Config, gaps: Gap[], statedUs: number): Promise<void> {
  const writer = openSegmentWriter({ spool: config.spool, stream: 'firehose', format: 'firehose/1' });
  for (const gap of gaps) {
    const line = {
      t: 'gap',
      seq: null,
      event_us: statedUs,
      ingested_at: statedUs,
      source: 'firehose',
      ...gap,
      state: 'open',
      from_seq: null,
      to_seq: null,
      detail: 'of a test',
    };
    writer.append(`${JSON.stringify(line)}\n`, 1, null);
  }
  await writer.close();
}

/** Ids of the gaps whose last word is 'open'. */
async function stillOpen(config: Config): Promise<string[]> {
  const last = new Map<string, { state: string; event_us: bigint }>();
  for (const row of await landedRows<{ gap_id: string; state: string; event_us: bigint }>(config, 'gaps'))
    if ((last.get(row.gap_id)?.event_us ?? -1n) < row.event_us) last.set(row.gap_id, row);
  return [...last]
    .filter(([, { state }]) => state === 'open')
    .map(([id]) => id)
    .sort();
}

const nowUs = Date.now() * 1000;
const minute = 60_000_000;

describe('a repository whose chain is broken', () => {
  it('is queued by its gap, and closes it by being fetched; one that cannot be had leaves its gap open', async () => {
    const network = await startFakeNetwork();
    const config = configIn(temporaryFolder());
    const [whole, lost] = [await network.account(20), await network.account(20)];
    network.pds.behave = (did) => (did === lost.did ? { status: 404 } : 'good');
    const gap = (gap_id: string, did: string, toUs: number | null): Gap => ({
      gap_id,
      kind: 'chain_break',
      did,
      collection: null,
      from_us: nowUs - 30 * minute,
      to_us: toUs,
    });
    await openGapsIn(
      config,
      [
        gap('closed-by-this', whole.did, nowUs - 20 * minute),
        gap('of-one-that-is-lost', lost.did, nowUs - 20 * minute),
        gap('ends-after-the-answer', whole.did, nowUs + 60 * minute),
      ],
      nowUs - 10 * minute,
    );
    await landedRows(config, 'gaps');
    const dids = await findTargets(config, 'gaps');
    expect(dids.sort()).toEqual([whole.did, lost.did].sort());
    const summary = await backfillRepositories({ config, plcUrl: network.plc.url, dids });
    expect(summary.gaps.closed).toBe(1);
    expect(summary.gaps.left.map(({ gapId }) => gapId).sort()).toEqual([
      'ends-after-the-answer',
      'of-one-that-is-lost',
    ]);
    expect(await stillOpen(config)).toEqual(['ends-after-the-answer', 'of-one-that-is-lost']);
  });
});

describe('a window', () => {
  const event = (us: number, i: number): string =>
    JSON.stringify({
      did: nthDid(i % 7),
      time_us: us,
      kind: 'commit',
      commit: {
        rev: `3l5aaaaaaa${String(i).padStart(3, '2')}`,
        operation: 'create',
        collection: 'app.bsky.feed.post',
        rkey: `key${i}`,
        record: { $type: 'app.bsky.feed.post', text: `post ${i}` },
        cid: `bafy${i}`,
      },
    });
  const start = nowUs - 60 * minute;
  const lines = Array.from({ length: 300 }, (_, i) => event(start + i * 6_000_000, i)); // thirty minutes

  it('is fetched from Jetstream, also after a connection was cut, and closes the gaps that it covers', async () => {
    const config = configIn(temporaryFolder());
    const jetstream = await startJetstreamDouble(lines, { dropAfter: 20 });
    onTestFinished(() => jetstream.close());
    const gap = (gap_id: string, from: number | null, to: number | null): Gap => ({
      gap_id,
      kind: 'disconnect',
      did: null,
      collection: null,
      from_us: from === null ? null : start + from * minute,
      to_us: to === null ? null : start + to * minute,
    });
    await openGapsIn(
      config,
      [
        gap('inside', 6, 9),
        gap('reaches-beyond', 8, 20),
        gap('without-end', 9, null),
        gap('elsewhere', 40, 41),
      ],
      nowUs - 10 * minute,
    );
    await landedRows(config, 'gaps');
    const summary = await backfillWindow({
      config,
      url: jetstream.url,
      fromUs: start + 5 * minute,
      toUs: start + 10 * minute,
      quietMs: 3_000,
      patience: { firstWaitMs: 10 },
    });
    expect(summary.outcomes).toMatchObject({ done: 1, failed: 0 });
    expect(summary.gaps.closed).toBe(1);
    expect(summary.gaps.left.map(({ gapId }) => gapId).sort()).toEqual(['reaches-beyond', 'without-end']);
    expect(jetstream.queries.length).toBeGreaterThan(1);
    const times = new Set(
      (await landedRows<LandedRecord>(config, 'records')).map(({ event_us }) => Number(event_us)),
    );
    for (let us = start + 5 * minute; us <= start + 10 * minute; us += 6_000_000) expect(times).toContain(us);
    expect(await stillOpen(config)).toEqual(['elsewhere', 'reaches-beyond', 'without-end']);
  });

  it('that was stopped goes on from what is in the spool', async () => {
    const config = configIn(temporaryFolder());
    const jetstream = await startJetstreamDouble(lines, { dropAfter: 20 });
    onTestFinished(() => jetstream.close());
    const stop = new AbortController();
    const window = {
      config,
      url: jetstream.url,
      fromUs: start + 5 * minute,
      toUs: start + 10 * minute,
      quietMs: 3_000,
    };
    // a pause after the cut that is long enough to be stopped in
    const first = backfillWindow({ ...window, signal: stop.signal, patience: { firstWaitMs: 60_000 } });
    const spooled = (): number => spooledLines(config.spool, 'window').length;
    while (spooled() < 20) await wait(20);
    stop.abort();
    expect(await first).toMatchObject({ stoppedBy: 'signal', outcomes: { done: 0, failed: 0 } });
    const second = await backfillWindow(window);
    expect(second).toMatchObject({ stoppedBy: 'end', outcomes: { done: 1 } });
    const [, asked] = jetstream.queries.map((query) => Number(query.get('cursor')));
    expect(asked).toBeGreaterThan(start + 5 * minute);
    const times = (await landedRows<LandedRecord>(config, 'records')).map(({ event_us }) => Number(event_us));
    for (let us = start + 5 * minute; us <= start + 10 * minute; us += 6_000_000) expect(times).toContain(us);
  });

  it('that the server no longer has in full says so, and closes nothing of what is lost', async () => {
    const config = configIn(temporaryFolder());
    const jetstream = await startJetstreamDouble(lines);
    onTestFinished(() => jetstream.close());
    await openGapsIn(
      config,
      [
        {
          gap_id: 'before',
          kind: 'crash',
          did: null,
          collection: null,
          from_us: start - 9 * minute,
          to_us: start + minute,
        },
        {
          gap_id: 'after',
          kind: 'crash',
          did: null,
          collection: null,
          from_us: start + minute,
          to_us: start + 2 * minute,
        },
      ],
      nowUs - 10 * minute,
    );
    await landedRows(config, 'gaps');
    const summary = await backfillWindow({
      config,
      url: jetstream.url,
      fromUs: start - 10 * minute,
      toUs: start + 3 * minute,
      quietMs: 3_000,
    });
    expect(summary.gaps.left).toMatchObject([
      { gapId: 'before', why: expect.stringContaining('nothing before') as string },
    ]);
    expect(await stillOpen(config)).toEqual(['before']);
    const [row] = await landedRows<{ kind: string; detail: string }>(config, 'backfills');
    expect(row?.detail).toContain('nothing before');
  });

  it('in which the server falls silent closes nothing after its last event', async () => {
    const config = configIn(temporaryFolder());
    const jetstream = await startJetstreamDouble(lines);
    onTestFinished(() => jetstream.close());
    const gap = (gap_id: string, from: number, to: number): Gap => ({
      gap_id,
      kind: 'disconnect',
      did: null,
      collection: null,
      from_us: start + from * minute,
      to_us: start + to * minute,
    });
    await openGapsIn(config, [gap('heard', 26, 28), gap('silent', 31, 35)], nowUs - 10 * minute);
    await landedRows(config, 'gaps');
    const summary = await backfillWindow({
      config,
      url: jetstream.url,
      fromUs: start + 25 * minute,
      toUs: start + 40 * minute,
      quietMs: 3_000,
    });
    expect(summary.gaps).toMatchObject({ closed: 1, left: [{ gapId: 'silent' }] });
    expect(summary.gaps.left[0]?.why).toContain('what came ends at');
    expect(await stillOpen(config)).toEqual(['silent']);
  });

  it('from a server that is not there is a row with a reason', async () => {
    const config = configIn(temporaryFolder());
    const summary = await backfillWindow({
      config,
      url: 'ws://127.0.0.1:9',
      fromUs: start,
      toUs: start + minute,
      patience: { firstWaitMs: 5 },
    });
    expect(summary.outcomes.failed).toBe(1);
    const [row] = await landedRows<{ reason: string }>(config, 'backfills');
    expect(row?.reason).toBe('unreachable');
  });

  it('that lies in the future, or ends before it begins, is refused', async () => {
    const config = configIn(temporaryFolder());
    await expect(
      backfillWindow({ config, fromUs: start, toUs: (Date.now() + 3_600_000) * 1000 }),
    ).rejects.toMatchObject({ code: 'FT_BACKFILL_WINDOW' });
    await expect(backfillWindow({ config, fromUs: start, toUs: start })).rejects.toMatchObject({
      code: 'FT_BACKFILL_WINDOW',
    });
  });
});
