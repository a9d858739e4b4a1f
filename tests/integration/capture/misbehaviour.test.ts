import fs from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  capture,
  restampFrame,
  type CaptureOptions,
  type CaptureSummary,
} from '../../../extract/capture/index.ts';
import { readSeals } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { hasData, realDidDocuments, realFrames } from '../../data.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import {
  commitOf,
  errorFrame,
  infoFrame,
  signedRepository,
  spooledRows,
  startPlcDouble,
  startRelayDouble,
  type PlcDouble,
  type RelayDoubleOptions,
} from '../../relay/index.ts';

silenceProgress();

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function relayOf(options: RelayDoubleOptions) {
  const relay = await startRelayDouble(options);
  open.push(relay);
  return relay;
}

async function plcOf(documents = realDidDocuments()): Promise<PlcDouble> {
  const plc = await startPlcDouble(documents);
  open.push(plc);
  return plc;
}

const soon = { timeout: 20_000 };
const config = (): Config => configIn(temporaryFolder(), { FEEDTRIAL_VERIFY_WORKERS: '0' });
// every double has a port of its own and plays the same relay
const run = (options: Partial<CaptureOptions> & { config: Config }): Promise<CaptureSummary> =>
  capture({
    source: 'firehose',
    sameServer: true,
    backoff: { firstMs: 5, capMs: 20 },
    idleExitSeconds: 10,
    ...options,
  });
const seqs = (spool: string): number[] =>
  spooledRows(spool)
    .filter(({ t }) => t !== 'gap' && t !== 'cursor')
    .map(({ seq }) => seq as number);
const gaps = (spool: string) => spooledRows(spool).filter(({ t }) => t === 'gap');

describe.skipIf(!hasData)('a relay or a directory that misbehaves', () => {
  const frames = hasData ? realFrames() : [];
  const firstSeq = 31527015322;
  const lastSeq = 31527015471;
  const everySeq = Array.from({ length: 150 }, (_, i) => firstSeq + i);

  it('cuts the connection again and again: each time capture goes on after what it took', async () => {
    const cuts = [10, 40, 41, 100];
    const relay = await relayOf({
      frames,
      beforeFrame: ({ connection, index }) => (cuts[connection] === index ? 'drop' : 'send'),
    });
    const plc = await plcOf();
    const { spool } = await (async () => {
      const own = config();
      const summary = await run({ config: own, url: relay.url, plcUrl: plc.url, maxEvents: 150 });
      expect(summary).toMatchObject({ events: 150, connections: 5, stoppedBy: 'max-events' });
      return own;
    })();
    expect([...new Set(seqs(spool))]).toEqual(everySeq);
    expect(relay.cursors[0]).toBeNull();
    expect(relay.cursors.slice(1).every((cursor) => cursor !== null && everySeq.includes(cursor))).toBe(true);
    const disconnects = gaps(spool).filter(({ kind }) => kind === 'disconnect');
    const opened = disconnects.filter(({ state }) => state === 'open');
    expect(opened).toHaveLength(4);
    for (const { gap_id, from_seq } of opened)
      expect(disconnects).toContainEqual(
        expect.objectContaining({ gap_id, from_seq, state: 'closed', to_seq: (from_seq as number) + 1 }),
      );
  });

  it('says nothing more on an open connection: the watchdog makes a new one', async () => {
    const relay = await relayOf({
      frames,
      beforeFrame: ({ connection, index }) => (connection === 0 && index === 70 ? 'hang' : 'send'),
    });
    const plc = await plcOf();
    const own = config();
    const summary = await run({
      config: own,
      url: relay.url,
      plcUrl: plc.url,
      maxEvents: 150,
      watchdogSeconds: 2,
    });
    expect(summary.connections).toBe(2);
    expect(relay.cursors).toEqual([null, firstSeq + 69]);
    expect(seqs(own.spool).filter((seq, i, all) => i === 0 || seq !== all[i - 1])).toEqual(everySeq);
  });

  it('no longer has what lies behind the cursor: the gap stays open, with its ends', async () => {
    const own = config();
    const plc = await plcOf();
    const first = await relayOf({ frames: frames.slice(0, 20) });
    await run({ config: own, url: first.url, plcUrl: plc.url, maxEvents: 20 });
    const later = await relayOf({ frames: frames.slice(100), windowFrom: firstSeq + 100 });
    await run({ config: own, url: later.url, plcUrl: plc.url, maxEvents: 51 });
    expect(later.cursors).toEqual([firstSeq + 19]);
    const [stopped, lost] = gaps(own.spool).slice(-2);
    expect(stopped).toMatchObject({ kind: 'stopped', state: 'open', from_seq: firstSeq + 19, to_seq: null });
    expect(lost).toMatchObject({
      gap_id: stopped?.gap_id,
      kind: 'outdated_cursor',
      state: 'open',
      from_seq: firstSeq + 19,
      to_seq: firstSeq + 100,
    });
    expect(lost?.from_us).toBeTypeOf('number');
    expect(lost?.to_us).toBeGreaterThan(lost?.from_us as number);
  });

  it('counts anew from a lower seq: capture takes what is new and says what it missed', async () => {
    const own = config();
    const plc = await plcOf();
    const first = await relayOf({ frames: frames.slice(100) });
    await run({ config: own, url: first.url, plcUrl: plc.url, maxEvents: 50 });
    const anew = await relayOf({ frames: frames.slice(0, 30) });
    const summary = await run({ config: own, url: anew.url, plcUrl: plc.url, maxEvents: 31 });
    expect(anew.cursors).toEqual([lastSeq, null]);
    expect(summary.cursor).toBe(firstSeq + 29);
    expect(gaps(own.spool).at(-1)).toMatchObject({ kind: 'future_cursor', state: 'open', to_seq: firstSeq });
    expect(readSeals(own.spool, 'firehose').at(-1)?.cursor).toBe(firstSeq + 29);
  });

  it('sends what nobody knows: it is counted or rejected, and the rest is taken', async () => {
    const strange = [infoFrame('Surprise', 'hello'), Buffer.from('garbage'), Buffer.alloc(0)];
    const relay = await relayOf({ frames: [...frames.slice(0, 5), ...strange, ...frames.slice(5, 10)] });
    const plc = await plcOf();
    const own = config();
    const summary = await run({ config: own, url: relay.url, plcUrl: plc.url, maxEvents: 13 });
    expect(summary).toMatchObject({ rejected: { malformed_frame: 2 }, cursor: firstSeq + 9 });
    expect(spooledRows(own.spool).filter(({ t }) => t === 'record')).toHaveLength(10);
  });

  it('directory down for a while: capture waits and then verifies all of it', async () => {
    const relay = await relayOf({ frames });
    const plc = await plcOf();
    plc.failWith = 503;
    setTimeout(() => (plc.failWith = null), 1_500);
    const own = config();
    const summary = await run({ config: own, url: relay.url, plcUrl: plc.url, maxEvents: 150 });
    expect(summary).toMatchObject({ rejected: {}, rows: { record: 150 } });
  });

  it('a key that changed between two commits is asked for again', async () => {
    const documents = realDidDocuments();
    const frame = frames[0] as Buffer;
    const did = commitOf(frame).repo;
    const other = Object.keys(documents).find((it) => it !== did) as string;
    const otherKey = JSON.parse(JSON.stringify(documents[other]).replaceAll(other, did)) as Record<
      string,
      unknown
    >;
    const plc = await plcOf({ ...documents, [did]: otherKey });
    const relay = await relayOf({ frames: [frame] });
    const own = config();
    const running = run({ config: own, url: relay.url, plcUrl: plc.url, maxEvents: 2 });
    await expect.poll(() => spooledRows(own.spool).filter(({ t }) => t === 'rejected').length, soon).toBe(1);
    plc.documents[did] = documents[did];
    relay.push(Buffer.from(restampFrame(frame, { seq: firstSeq + 1 })));
    expect(await running).toMatchObject({ rejected: { bad_signature: 1 }, rows: { record: 1 } });
    expect(plc.asked).toEqual([did, did]);
  });

  it('an account that the directory does not know: its commit is kept as rejected, with its frame', async () => {
    const documents = realDidDocuments();
    const frame = frames[0] as Buffer;
    delete documents[commitOf(frame).repo];
    const plc = await plcOf(documents);
    const relay = await relayOf({ frames: frames.slice(0, 3) });
    const own = config();
    await run({ config: own, url: relay.url, plcUrl: plc.url, maxEvents: 3 });
    const [row] = spooledRows(own.spool).filter(({ t }) => t === 'rejected');
    expect(row).toMatchObject({ reason: 'did_unresolved', seq: firstSeq, did: commitOf(frame).repo });
    expect(Buffer.from(row?.frame as string, 'base64').equals(frame)).toBe(true);
  });

  it('an account that the directory learns of a little later: its commit is tried again and taken', async () => {
    const documents = realDidDocuments();
    const frame = frames[0] as Buffer;
    const did = commitOf(frame).repo;
    const document = documents[did];
    delete documents[did];
    const plc = await plcOf(documents);
    const relay = await relayOf({ frames: frames.slice(0, 3) });
    const own = config();
    const stop = new AbortController();
    const running = run({
      config: own,
      url: relay.url,
      plcUrl: plc.url,
      signal: stop.signal,
      retryDelaysMs: [1, 1],
    });
    const rowsOf = (kind: string) =>
      spooledRows(own.spool).filter((row) => row.t === kind && row.did === did);
    await expect.poll(() => rowsOf('rejected').length, soon).toBeGreaterThan(0);
    plc.documents[did] = document;
    await expect.poll(() => rowsOf('record').length, soon).toBe(1);
    stop.abort();
    expect(await running).toMatchObject({ healed: 1, cursor: firstSeq + 2 });
    expect(rowsOf('record')).toMatchObject([{ seq: firstSeq, verified: true, resume: false }]);
    expect(readSeals(own.spool, 'firehose').at(-1)?.cursor).toBe(firstSeq + 2);
  });

  it('an account that the directory learns of after a restart: the next capture tries its commit again', async () => {
    const author = await signedRepository('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa');
    const commits = [];
    for (const n of [1, 2, 3]) commits.push(await author.commit(n, { rkey: `r${n}`, text: `${n}` }));
    const plc = await plcOf({ [author.did]: author.document });
    const relay = await relayOf({ frames: commits.slice(0, 1) });
    const own = config();
    const common = { config: own, url: relay.url, plcUrl: plc.url };
    await run({ ...common, maxEvents: 1 });
    // the key is gone for a while: the second commit can't be checked, the third can again, and finds the second missing
    delete plc.documents[author.did];
    relay.push(commits[1] as Buffer);
    expect(await run({ ...common, maxEvents: 1 })).toMatchObject({ rejected: { did_unresolved: 1 } });
    plc.documents[author.did] = author.document;
    relay.push(commits[2] as Buffer);
    expect(await run({ ...common, maxEvents: 1 })).toMatchObject({ chain: { breaks: 1 } });
    const stop = new AbortController();
    const in2Minutes = (): number => Date.now() + 120_000;
    const later = run({ ...common, signal: stop.signal, now: in2Minutes });
    const rows = (t: string) => spooledRows(own.spool).filter((row) => row.t === t);
    await expect.poll(() => rows('record').map(({ rkey }) => rkey), soon).toEqual(['r1', 'r3', 'r2']);
    stop.abort();
    expect(await later).toMatchObject({ healed: 1 });
    const breaks = rows('gap').filter(({ kind }) => kind === 'chain_break');
    expect(breaks.map(({ state }) => state)).toEqual(['open', 'closed']);
    expect(breaks[1]?.gap_id).toBe(breaks[0]?.gap_id);
  });

  it('a second capture of the same stream is refused, and names the first', async () => {
    const relay = await relayOf({ frames, delayMs: 20 });
    const plc = await plcOf();
    const own = config();
    const stop = new AbortController();
    const first = run({ config: own, url: relay.url, plcUrl: plc.url, signal: stop.signal });
    await expect.poll(() => fs.existsSync(`${own.spool}/firehose.lock.holder`), soon).toBe(true);
    await expect(run({ config: own, url: relay.url, plcUrl: plc.url })).rejects.toMatchObject({
      code: 'FT_CAPTURE_LOCKED',
      message: expect.stringContaining(`process ${process.pid}`) as string,
    });
    stop.abort();
    expect((await first).stoppedBy).toBe('signal');
    const again = await run({ config: own, url: relay.url, plcUrl: plc.url, idleExitSeconds: 3 });
    expect(again.stoppedBy).toBe('idle');
    expect([...new Set(seqs(own.spool))]).toEqual(everySeq);
  });

  it('told to stop while the directory hangs, it seals within five seconds and leaves the rest to the next', async () => {
    const relay = await relayOf({ frames });
    const plc = await plcOf();
    plc.failWith = 503;
    const own = config();
    const stop = new AbortController();
    const running = run({ config: own, url: relay.url, plcUrl: plc.url, signal: stop.signal });
    await expect.poll(() => plc.asked.length, soon).toBeGreaterThan(10);
    const toldMs = Date.now();
    stop.abort();
    await running;
    expect(Date.now() - toldMs).toBeLessThan(5_000);
    expect(spooledRows(own.spool).filter(({ t }) => t === 'rejected')).toEqual([]);
    plc.failWith = null;
    await run({ config: own, url: relay.url, plcUrl: plc.url, maxEvents: 150 });
    expect([...new Set(seqs(own.spool))]).toEqual(everySeq);
  });

  it('says that capture is too slow: it comes again, and nothing is missing', async () => {
    const tooSlow = errorFrame('ConsumerTooSlow', 'you are too slow');
    const relay = await relayOf({
      frames: [...frames.slice(0, 30), tooSlow, ...frames.slice(30)],
      beforeFrame: ({ connection, index }) =>
        connection > 0 ? (index === 30 ? 'skip' : 'send') : index === 31 ? 'hang' : 'send',
    });
    const plc = await plcOf();
    const own = config();
    const summary = await run({ config: own, url: relay.url, plcUrl: plc.url, idleExitSeconds: 3 });
    expect(summary).toMatchObject({ connections: 2, rejected: {}, cursor: lastSeq });
    expect(relay.cursors).toEqual([null, firstSeq + 29]);
    expect([...new Set(seqs(own.spool))]).toEqual(everySeq);
    const [left, back] = gaps(own.spool).filter(({ kind }) => kind === 'disconnect');
    expect(left?.detail).toContain('ConsumerTooSlow');
    expect(back).toMatchObject({ gap_id: left?.gap_id, state: 'closed' });
  });

  it('sends a frame over the size limit: it is rejected unopened, and its neighbours are taken', async () => {
    const huge = Buffer.concat([frames[3] as Buffer, Buffer.alloc(6 << 20)]);
    const relay = await relayOf({ frames: [...frames.slice(0, 3), huge, ...frames.slice(4, 10)] });
    const plc = await plcOf();
    const own = config();
    const summary = await run({ config: own, url: relay.url, plcUrl: plc.url, maxEvents: 10 });
    expect(summary).toMatchObject({ connections: 1, rejected: { too_big: 1 }, cursor: firstSeq + 9 });
    const [row] = spooledRows(own.spool).filter(({ t }) => t === 'rejected');
    expect(row).toMatchObject({ reason: 'too_big', frame: null });
    const taken = seqs(own.spool).filter((seq) => seq !== null);
    expect([...new Set(taken)]).toEqual(everySeq.slice(0, 10).filter((seq) => seq !== firstSeq + 3));
  });

  it('restarts with lower numbers and says nothing: what is new is taken, and the gap stays open', async () => {
    const own = config();
    const plc = await plcOf();
    const first = await relayOf({ frames: frames.slice(0, 50) });
    await run({ config: own, url: first.url, plcUrl: plc.url, maxEvents: 50 });
    const renumbered = frames
      .slice(60, 80)
      .map((frame, i) => Buffer.from(restampFrame(frame, { seq: 10 + i })));
    const anew = await relayOf({ frames: renumbered, forgetsCursors: true });
    const summary = await run({ config: own, url: anew.url, plcUrl: plc.url, maxEvents: 20 });
    expect(summary).toMatchObject({ cursor: 29, rejected: {} });
    expect(gaps(own.spool).at(-1)).toMatchObject({
      kind: 'sequence_reset',
      state: 'open',
      from_seq: firstSeq + 49,
      to_seq: 10,
    });
    const again = await run({ config: own, url: anew.url, plcUrl: plc.url, idleExitSeconds: 0.5 });
    expect(again.cursor).toBe(29);
    expect(anew.cursors).toEqual([firstSeq + 49, 29]);
  });

  it('jumps ahead and back in its sequence: a warning, and everything is taken', async () => {
    const leap = 5_000_000;
    const odd = frames
      .slice(0, 30)
      .map((frame, i) => (i === 20 ? Buffer.from(restampFrame(frame, { seq: firstSeq + leap })) : frame));
    const relay = await relayOf({ frames: odd });
    const plc = await plcOf();
    const own = config();
    const summary = await run({ config: own, url: relay.url, plcUrl: plc.url, maxEvents: 30 });
    expect(summary).toMatchObject({ rejected: {}, sequence: { back: 1, skipped: leap - 20 } });
    expect(summary.cursor).toBe(firstSeq + 29);
    expect(new Set(seqs(own.spool)).size).toBe(30);
    expect(gaps(own.spool).filter(({ kind }) => kind !== 'first_start')).toEqual([]);
  });

  it('directory slow: capture waits for its answers, and rejects nothing', async () => {
    const relay = await relayOf({ frames });
    const plc = await plcOf();
    plc.delayMs = 400;
    const own = config();
    const summary = await run({ config: own, url: relay.url, plcUrl: plc.url, maxEvents: 150 });
    expect(summary).toMatchObject({ rejected: {}, rows: { record: 150 } });
  });

  it("directory wrong: another account's document is no document, and the commit is kept as rejected", async () => {
    const documents = realDidDocuments();
    const frame = frames[0] as Buffer;
    const did = commitOf(frame).repo;
    const other = Object.keys(documents).find((it) => it !== did) as string;
    const plc = await plcOf({ ...documents, [did]: documents[other] as Record<string, unknown> });
    const relay = await relayOf({ frames: frames.slice(0, 3) });
    const own = config();
    const summary = await run({ config: own, url: relay.url, plcUrl: plc.url, maxEvents: 3 });
    expect(summary).toMatchObject({ rejected: { did_unresolved: 1 } });
    const [row] = spooledRows(own.spool).filter(({ t }) => t === 'rejected');
    expect(row).toMatchObject({ did, detail: expect.stringContaining('is of another') as string });
  });
});

describe('an account whose document would be fetched from a private host', () => {
  it('is not resolved, its host is never asked, and its commit is kept as rejected', async () => {
    const repository = await signedRepository('did:web:localhost');
    const relay = await relayOf({ frames: [await repository.commit(5, { rkey: 'a', text: 'a' })] });
    const plc = await plcOf({});
    const own = configIn(temporaryFolder(), {
      FEEDTRIAL_VERIFY_WORKERS: '0',
      FEEDTRIAL_ALLOW_LOOPBACK: '0',
    });
    const summary = await run({ config: own, url: relay.url, plcUrl: plc.url, maxEvents: 1 });
    expect(summary).toMatchObject({ rejected: { did_unresolved: 1 }, cursor: 5 });
    const [row] = spooledRows(own.spool).filter(({ t }) => t === 'rejected');
    expect(row?.detail).toMatch(/localhost has the address|not a public address/);
    expect(plc.asked).toEqual([]);
  });
});
