import type { Chain, ChainedCommit } from '../chain/follow.ts';
import type { SigningKeys } from '../identity/keys.ts';
import { log } from '../../../ops/telemetry/index.ts';
import { cursorLine, firehoseGapLine } from '../spool/lines.ts';
import type { Spool } from '../spool/open.ts';
import type { Source, SourceEvents } from '../stream/source.ts';
import { newSourceCounts, sourceCounters } from '../stream/source.ts';
import type { BatchResult, FrameBatch } from './batch.ts';
import { openRetries } from './retries.ts';
import type { Verifiers } from './verifiers.ts';

export interface FirehoseSourceOptions {
  url: URL;
  spool: Spool;
  events: SourceEvents;
  verifiers: Verifiers;
  keys: SigningKeys;
  /** Follows each repository's chain of commits; null where nothing is verified. */
  chain: Chain | null;
  /** Spools a commit that the spool has already once more; default false. */
  keepDuplicates?: boolean | undefined;
  /** Folder of the spool, in which frames wait to be tried again; null has them wait in memory. */
  retriesIn: string | null;
  /** Waits before a frame that time may heal is tried for the second, third, … time. */
  retryDelaysMs?: readonly number[] | undefined;
  now?: () => number;
}

const minute = 60_000;

const framesPerBatch = 64;
/** A relay that is well passes over a few. */
const notableJump = 1_000;

const addTo = (sum: Record<string, number>, more: Record<string, number>): void => {
  for (const [name, n] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + n;
};

/** Anyone can make up collections: past so many, those that are left out are counted together. */
const mostLeftOut = 1_000;

function addLeftOut(sum: Record<string, number>, more: Record<string, number>): void {
  let names = Object.keys(sum).length;
  for (const [name, n] of Object.entries(more)) {
    const known = name in sum || names < mostLeftOut;
    const under = known ? name : '_other';
    if (!(under in sum)) names++;
    sum[under] = (sum[under] ?? 0) + n;
  }
}

/**
 * com.atproto.sync.subscribeRepos. Frames go to the verifiers in batches, several at once; their lines go to the spool in
 * the order in which the frames came.
 */
export function openFirehoseSource(options: FirehoseSourceOptions): Source {
  const { url, spool, events, verifiers, keys, chain, now = Date.now } = options;
  const retries = openRetries(
    options.retriesIn,
    options.retryDelaysMs ?? [minute, 5 * minute, 30 * minute],
    now,
  );
  // frames that were taken in the end, and how far the spool has to be durable before they can be forgotten
  let healed: { frames: Buffer[]; bytes: number }[] = [];
  const counters = sourceCounters();

  const counts = newSourceCounts();
  let filling: FrameBatch = { frames: [], receivedUs: [] };
  let fillTimer: NodeJS.Immediate | null = null;
  const queued: FrameBatch[] = []; // in order, not yet with the verifiers
  let underWay = 0;
  let released: Promise<void> = Promise.resolve(); // batches before this are in the spool
  let lastSeq: number | null = null;
  let closed = false;
  const backlog = { messages: 0, bytes: 0 };
  let idle: (() => void)[] = [];
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => undefined);

  const release = (batch: FrameBatch, result: BatchResult): void => {
    if (closed) return; // it is after the cursor, and comes again
    let { skipped, stepsBack } = result;
    if (lastSeq !== null && result.firstSeq !== null) {
      if (result.firstSeq <= lastSeq) stepsBack++;
      skipped += Math.max(0, result.firstSeq - lastSeq - 1);
    }
    counts.stepsBack += stepsBack;
    counts.skipped += skipped;
    // lawful, both of them: what a repository lacks shows in its chain
    if (skipped >= notableJump || stepsBack > 0)
      log.warn("the relay's sequence jumps", { skipped, back: stepsBack, seq: result.firstSeq });
    lastSeq = result.lastSeq ?? lastSeq;
    const chained = followChain(result);
    if (chained.count > 0) spool.append(chained.lines, chained.count, result.lastSeq);
    if (result.lastSeq !== null)
      chain?.appended({ cursor: result.lastSeq, us: result.lastUs }, spool.appended.bytes);
    counts.events += batch.frames.length;
    addTo(counts.rows, result.rows);
    addTo(counts.rejected, result.rejected);
    addLeftOut(counts.leftOut, result.leftOut);
    counts.disagreements += result.disagreements;
    for (const [type, n] of Object.entries(result.frames)) counters.events.add(n, { type });
    for (const [reason, n] of Object.entries(result.rejected)) counters.rejected.add(n, { reason });
    for (const did of result.identities) keys.forget(did);
    if (result.identities.length > 0) verifiers.forget(result.identities);
    for (const { index } of result.retryable)
      retries.add(batch.frames[index] as Buffer, batch.receivedUs[index] as number, 1);
    for (const notice of result.notices) events.onNotice(notice);
    if (result.lastSeq !== null)
      events.onTaken({
        first: { seq: result.firstSeq, us: result.firstUs },
        cursor: result.lastSeq,
        us: result.lastUs,
      });
    backlog.messages -= batch.frames.length;
    for (const frame of batch.frames) backlog.bytes -= frame.length;
    if (backlog.messages === 0) {
      for (const resolve of idle) resolve();
      idle = [];
    }
  };

  /** Lines of a batch, with what its commits' chains have to say before them, and without what the spool has already. */
  const followChain = (result: BatchResult): { lines: Buffer; count: number } => {
    const { lines, lineCount } = result;
    if (chain === null || result.commits.length === 0) return { lines, count: lineCount };
    const stated: string[] = [];
    const dropped: BatchResult['commits'] = [];
    for (const commit of result.commits) {
      const { drop, gap } = chain.judge(commit);
      if (drop && options.keepDuplicates !== true) dropped.push(commit);
      if (gap !== null) stated.push(firehoseGapLine(gap, Math.round(now() * 1000), null));
    }
    if (stated.length > 0) result.rows.gap = (result.rows.gap ?? 0) + stated.length;
    let rest: string[] = [];
    if (dropped.length > 0) {
      rest = lines.toString('utf8').split('\n').slice(0, -1);
      for (const { line, lines: n, link } of dropped.toReversed()) {
        rest.splice(line, n);
        const kind = link === null ? 'gap' : 'record';
        result.rows[kind] = (result.rows[kind] ?? 0) - n;
      }
      rest = rest.map((line) => `${line}\n`);
      // the last frame may be one of them: the cursor moves past it all the same
      const at = { seq: result.lastSeq, eventUs: result.lastUs ?? 0, did: null };
      rest.push(cursorLine({ ...at, ingestedUs: Math.round(now() * 1000) }));
    }
    if (stated.length === 0 && dropped.length === 0) return { lines, count: lineCount };
    const after = dropped.length > 0 ? Buffer.from(rest.join('')) : lines;
    return {
      lines: Buffer.concat([Buffer.from(stated.join('')), after]),
      count: stated.length + (dropped.length > 0 ? rest.length : lineCount),
    };
  };

  const start = (): void => {
    while (queued.length > 0 && underWay < verifiers.capacity) {
      const batch = queued.shift() as FrameBatch;
      underWay++;
      const done = verifiers.process(batch).finally(() => {
        underWay--;
        start();
      });
      done.catch(() => undefined); // seen below, in order
      released = released.then(async () => {
        release(batch, await done);
      });
      released.catch((error: unknown) => {
        if (!closed) fail(error);
      });
    }
  };

  const settleHealed = (): void => {
    const durableBytes = spool.appended.bytes - spool.pendingBytes;
    for (const { frames } of healed.filter(({ bytes }) => bytes <= durableBytes)) retries.settle(frames);
    healed = healed.filter(({ bytes }) => bytes > durableBytes);
  };
  const retryTimer = setInterval(() => {
    settleHealed();
    for (const { frames, receivedUs, attempts } of retries.takeDue()) {
      const attempt = attempts + 1;
      const batch: FrameBatch = { frames, receivedUs, retry: { attempt, freshSinceMs: now() } };
      verifiers.process(batch).then(
        (result) => {
          if (closed) return; // the next capture tries them
          if (result.lineCount > 0) spool.append(result.lines, result.lineCount, null);
          addTo(counts.rows, result.rows);
          for (const commit of result.commits) {
            const gap = chain?.late(commit satisfies ChainedCommit) ?? null;
            if (gap === null) continue;
            spool.append(firehoseGapLine(gap, Math.round(now() * 1000), null), 1, null);
            addTo(counts.rows, { gap: 1 });
          }
          const again = new Set(result.retryable.map(({ index }) => index));
          for (const index of again)
            retries.add(frames[index] as Buffer, receivedUs[index] as number, attempt);
          const done = frames.filter((_, index) => !again.has(index));
          counts.healed += done.length;
          if (done.length > 0) healed.push({ frames: done, bytes: spool.appended.bytes });
        },
        () => undefined, // the verifiers are gone; the frames stay rejected
      );
    }
  }, 1_000);
  retryTimer.unref();
  const chainTimer = setInterval(() => chain?.checkpoint(spool.appended.bytes - spool.pendingBytes), 100);
  chainTimer.unref();

  const flush = (): void => {
    if (fillTimer !== null) clearImmediate(fillTimer);
    fillTimer = null;
    if (filling.frames.length === 0) return;
    queued.push(filling);
    filling = { frames: [], receivedUs: [] };
    start();
  };

  return {
    stream: 'firehose',
    counts,
    get retrying() {
      return retries.size;
    },
    backlog,
    failed,
    url(cursor) {
      const asked = new URL(url);
      if (cursor !== null) asked.searchParams.set('cursor', String(cursor));
      return asked.href;
    },
    take(frame) {
      filling.frames.push(frame);
      filling.receivedUs.push(Math.round(now() * 1000));
      backlog.messages++;
      backlog.bytes += frame.length;
      if (filling.frames.length >= framesPerBatch) flush();
      else fillTimer ??= setImmediate(flush);
    },
    async drained() {
      flush();
      if (backlog.messages > 0)
        await Promise.race([new Promise<void>((resolve) => idle.push(resolve)), failed]);
    },
    stateGap(gap, cursor) {
      spool.append(firehoseGapLine(gap, Math.round(now() * 1000), cursor), 1, cursor);
    },
    async close() {
      closed = true;
      clearInterval(retryTimer);
      clearInterval(chainTimer);
      await verifiers.close();
      settleHealed(); // what isn't durable yet is tried once more, and is the same rows
      retries.close();
    },
  };
}
