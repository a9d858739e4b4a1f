import { metrics } from '@opentelemetry/api';
import type { SigningKeys } from '../identity/keys.ts';
import { firehoseGapLine } from '../spool/lines.ts';
import type { Spool } from '../spool/open.ts';
import type { Source, SourceCounts, SourceEvents } from '../stream/source.ts';
import type { BatchResult, FrameBatch } from './batch.ts';
import { openRetries } from './retries.ts';
import type { Verifiers } from './verifiers.ts';

export interface FirehoseSourceOptions {
  url: URL;
  spool: Spool;
  events: SourceEvents;
  verifiers: Verifiers;
  keys: SigningKeys;
  /** Waits before a frame that time may heal is tried for the second, third, … time. */
  retryDelaysMs?: readonly number[] | undefined;
  now?: () => number;
}

const minute = 60_000;

const framesPerBatch = 64;

const addTo = (sum: Record<string, number>, more: Record<string, number>): void => {
  for (const [name, n] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + n;
};

/**
 * com.atproto.sync.subscribeRepos. Frames go to the verifiers in batches, several at once; their lines go to the spool in
 * the order in which the frames came.
 */
export function openFirehoseSource(options: FirehoseSourceOptions): Source {
  const { url, spool, events, verifiers, keys, now = Date.now } = options;
  const retries = openRetries(options.retryDelaysMs ?? [minute, 5 * minute, 30 * minute], now);
  const meter = metrics.getMeter('feedtrial');
  const eventCounter = meter.createCounter('feedtrial.capture.events', { description: 'frames by type' });
  const rejectedCounter = meter.createCounter('feedtrial.capture.rejected', {
    description: 'frames by reason',
  });

  const counts: SourceCounts = {
    events: 0,
    rows: {},
    rejected: {},
    leftOut: {},
    disagreements: 0,
    healed: 0,
    stepsBack: 0,
  };
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
    if (lastSeq !== null && result.firstSeq !== null && result.firstSeq <= lastSeq) counts.stepsBack++;
    lastSeq = result.lastSeq ?? lastSeq;
    if (result.lineCount > 0) spool.append(result.lines, result.lineCount, result.lastSeq);
    counts.events += batch.frames.length;
    addTo(counts.rows, result.rows);
    addTo(counts.rejected, result.rejected);
    addTo(counts.leftOut, result.leftOut);
    counts.disagreements += result.disagreements;
    counts.stepsBack += result.stepsBack;
    for (const [type, n] of Object.entries(result.frames)) eventCounter.add(n, { type });
    for (const [reason, n] of Object.entries(result.rejected)) rejectedCounter.add(n, { reason });
    for (const did of result.identities) keys.forget(did);
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

  const retryTimer = setInterval(() => {
    for (const { frames, receivedUs, attempts } of retries.takeDue()) {
      const attempt = attempts + 1;
      const batch: FrameBatch = { frames, receivedUs, retry: { attempt, freshSinceMs: now() } };
      verifiers.process(batch).then(
        (result) => {
          if (closed) return;
          if (result.lineCount > 0) spool.append(result.lines, result.lineCount, null);
          addTo(counts.rows, result.rows);
          counts.healed += frames.length - result.retryable.length;
          for (const { index } of result.retryable)
            retries.add(frames[index] as Buffer, receivedUs[index] as number, attempt);
        },
        () => undefined, // the verifiers are gone; the frames stay rejected
      );
    }
  }, 1_000);
  retryTimer.unref();

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
      await verifiers.close();
    },
  };
}
