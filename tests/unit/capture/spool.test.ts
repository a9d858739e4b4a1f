import fs from 'node:fs';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { firehoseCursorOf, firehoseFormat } from '../../../extract/capture/index.ts';
import { backoffMs } from '../../../extract/capture/stream/backoff.ts';
import { streamUrl } from '../../../extract/capture/stream/connection.ts';
import { openGapLedger } from '../../../extract/capture/stream/gap-ledger.ts';
import { openSpool, type Spool } from '../../../extract/capture/spool/open.ts';
import { readSeals } from '../../../lake/index.ts';
import { temporaryFolder } from '../../folders.ts';
import { spooledLines } from '../../relay/index.ts';

const line = (seq: number): string => `{"t":"cursor","seq":${seq},"event_us":${seq * 10}}\n`;
const open = (spool: string, syncEveryMs = 5): Spool =>
  openSpool({
    spool,
    stream: 'firehose',
    format: firehoseFormat,
    cursorOf: firehoseCursorOf,
    timeOf: (bytes) => (JSON.parse(bytes.toString()) as { event_us: number }).event_us,
    syncEveryMs,
  });
const failure = (code: string, syscall: string): Error => Object.assign(new Error(code), { code, syscall });

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the spool of a stream', () => {
  it('goes on from where it was left, and knows when that was', async () => {
    const folder = temporaryFolder();
    const first = open(folder);
    expect(first.resumedCursor).toBeNull();
    first.append(line(1) + line(2), 2, 2);
    await expect.poll(() => first.durableCursor).toBe(2);
    first.append(line(3), 1, 3);
    await first.close();
    const second = open(folder);
    expect(second).toMatchObject({ resumedCursor: 3, resumedUs: 30, recovered: [] });
    await second.close();
  });

  it('waits while the disk is full, and then has every line once', async () => {
    const folder = temporaryFolder();
    const spool = open(folder);
    spool.append(line(1), 1, 1);
    await expect.poll(() => spool.durableCursor).toBe(1);
    let full = true;
    let room = 5;
    const write = fs.writeSync;
    vi.spyOn(fs, 'writeSync').mockImplementation(((fd: number, bytes: Uint8Array, at = 0) => {
      if (!full) return write(fd, bytes, at);
      if (room-- > 0) return write(fd, bytes, at, 3); // a little still fits
      throw failure('ENOSPC', 'write');
    }) as typeof fs.writeSync);
    for (let seq = 2; seq <= 20; seq++) spool.append(line(seq), 1, seq);
    await expect.poll(() => spool.stalled).not.toBeNull();
    expect(spool.durableCursor).toBe(1);
    expect(spool.pendingBytes).toBeGreaterThan(0);
    full = false;
    await expect.poll(() => spool.durableCursor).toBe(20);
    expect(spool.stalled).toBeNull();
    expect(spool.pendingBytes).toBe(0);
    await spool.close();
    expect(spooledLines(folder, 'firehose').join('\n') + '\n').toBe(
      Array.from({ length: 20 }, (_, i) => line(i + 1)).join(''),
    );
  });

  it('stops for good when a sync fails: nobody knows what is on the disk then', async () => {
    const spool = open(temporaryFolder());
    vi.spyOn(fs, 'fdatasync').mockImplementation((_: number, done: (error: Error) => void) =>
      done(failure('EIO', 'fdatasync')),
    );
    spool.append(line(1), 1, 1);
    await expect(spool.failed).rejects.toMatchObject({ code: 'FT_CAPTURE_SPOOL' });
    expect(spool.durableCursor).toBeNull();
    vi.restoreAllMocks();
    await spool.close();
  });

  it('belongs to one writer', async () => {
    const folder = temporaryFolder();
    const spool = open(folder);
    expect(() => open(folder)).toThrow(/another capture writes the stream 'firehose': process \d+/);
    await spool.close();
    await open(folder).close();
    expect(readSeals(folder, 'firehose')).toEqual([]);
  });
});

describe('the ledger of gaps', () => {
  it('closes a gap when the server goes on from the cursor', () => {
    const ledger = openGapLedger('firehose');
    const opened = ledger.leave('disconnect', { cursor: 42, us: 420 }, 'reset');
    expect(opened).toMatchObject({ state: 'open', from_seq: 42, from_us: 420, to_seq: null });
    expect(ledger.leave('disconnect', { cursor: 42, us: 420 }, 'again')).toBeNull();
    expect(ledger.arrive({ seq: 43, us: 430 })).toMatchObject({
      gap_id: opened?.gap_id,
      state: 'closed',
      to_seq: 43,
      to_us: 430,
    });
    expect(ledger.arrive({ seq: 44, us: 440 })).toBeNull();
  });

  it('names a gap by its cursor, so that another life can close it', () => {
    const lives = [1, 2].map(() => openGapLedger('firehose').leave('crash', { cursor: 7, us: 70 }, 'killed'));
    expect(lives[0]?.gap_id).toBe(lives[1]?.gap_id);
  });

  it.each([
    [40, 419, 'closed'], // sent again
    [40, 500_000, 'closed'], // sent again, out of order in time as neighbours are
    [40, 60_000_000, 'open'],
    [3_000_000, 60_000_000, 'closed'],
  ])('tells a server that counts anew from one that sends again: seq %i at %i', (seq, us, state) => {
    const ledger = openGapLedger('firehose');
    ledger.leave('disconnect', { cursor: 42, us: 420 }, 'reset');
    expect(ledger.arrive({ seq, us })).toMatchObject({
      state,
      kind: state === 'open' ? 'sequence_reset' : 'disconnect',
    });
  });

  it('keeps a gap open that the server can not fill', () => {
    const ledger = openGapLedger('firehose');
    ledger.leave('stopped', { cursor: 42, us: 420 }, '');
    ledger.lose('outdated_cursor', 'too old');
    expect(ledger.arrive({ seq: 99, us: 990 })).toMatchObject({
      kind: 'outdated_cursor',
      state: 'open',
      to_seq: 99,
    });
  });
});

it('waiting grows, is drawn by chance and has an end', () => {
  fc.assert(
    fc.property(fc.nat(100), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, chance) => {
      const wait = backoffMs(attempt, () => chance, { firstMs: 100, capMs: 5_000 });
      const most = Math.min(5_000, 100 * 2 ** Math.min(attempt, 20));
      expect(wait).toBeGreaterThanOrEqual(most / 2);
      expect(wait).toBeLessThanOrEqual(most);
    }),
  );
});

it('the address of a stream may be given as a host, as a page or in full', () => {
  const path = '/xrpc/com.atproto.sync.subscribeRepos';
  expect(streamUrl('wss://bsky.network', path)?.href).toBe(`wss://bsky.network${path}`);
  expect(streamUrl('https://bsky.network/', path)?.href).toBe(`wss://bsky.network${path}`);
  expect(streamUrl('http://127.0.0.1:2583', path)?.href).toBe(`ws://127.0.0.1:2583${path}`);
  expect(streamUrl('wss://host/other?a=1', path)?.href).toBe('wss://host/other?a=1');
  for (const wrong of ['bsky.network', 'ftp://host', '', 'wss://']) expect(streamUrl(wrong, path)).toBeNull();
});
