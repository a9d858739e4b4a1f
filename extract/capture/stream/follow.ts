import { setTimeout as wait } from 'node:timers/promises';
import { log } from '../../../ops/telemetry/index.ts';
import type { Spool } from '../spool/open.ts';
import { backoffMs } from './backoff.ts';
import { connect, type Connection } from './connection.ts';
import type { GapStatement } from '../spool/lines.ts';
import { openGapLedger, type StreamPosition } from './gap-ledger.ts';
import type { OpenSource, Source } from './source.ts';

export interface FollowOptions {
  spool: Spool;
  openSource: OpenSource;
  /** Ends after this many events; null follows for ever. */
  maxEvents: number | null;
  /** Ends when nothing has come for this long; null waits for ever. */
  idleExitMs: number | null;
  /** Without a message for this long the connection is dropped and made anew. */
  idleMs?: number;
  /** Where to go on instead of the spool's cursor: before it, never after it. */
  startCursor?: number | null;
  /** Time that the cursor stands for, where that isn't the spool's; microseconds UTC. */
  startUs?: number | null;
  /** The cursor is another server's: what is new is asked for, and what lies between stays a gap of this kind. */
  foreignCursor?: { kind: string; detail: string } | null;
  /** Stated before anything is taken. */
  statements?: GapStatement[];
  /** Cursor to ask for, from the one that was reached: Jetstream's is rewound by a margin. */
  rewind?: (cursor: number) => number;
  backoff?: { firstMs?: number; capMs?: number };
  /** Reading pauses above these, and goes on at half of them. */
  maxBacklog?: { messages: number; bytes: number };
  signal: AbortSignal;
  /** How long to wait for what is under way once `signal` has been aborted. */
  drainMs?: number;
  /** Called about once a second with how things are. */
  onPulse?: (pulse: Pulse) => void;
  now?: () => number;
  random?: () => number;
}

export interface Pulse {
  connected: boolean;
  paused: boolean;
  position: StreamPosition;
  source: Pick<Source, 'counts' | 'retrying'>;
}

export type StoppedBy = 'signal' | 'max-events' | 'idle';

export interface Followed {
  stoppedBy: StoppedBy;
  connections: number;
  position: StreamPosition;
  source: Source;
}

/** How long the first connection may take before the stream counts as quiet. */
const firstConnectionMs = 15_000;

/** Notices after which the server goes on from somewhere else than our cursor. */
const losing: Record<string, { kind: string; detail: string }> = {
  OutdatedCursor: {
    kind: 'outdated_cursor',
    detail: "the cursor was older than the server's window: a backfill can fetch what lies between",
  },
  FutureCursor: {
    kind: 'future_cursor',
    detail: 'the cursor was ahead of the server, which counts anew: a backfill can fetch what lies between',
  },
};

/**
 * Follows a stream until it is told to stop: connects, takes messages, slows the server down when the spool or the
 * verifiers lag, and connects again with what has been taken as the cursor.
 */
export async function followStream(options: FollowOptions): Promise<Followed> {
  const {
    spool,
    openSource,
    maxEvents,
    idleExitMs,
    idleMs = 30_000,
    rewind = (cursor) => cursor,
    backoff = {},
    maxBacklog = { messages: 8_192, bytes: 64 << 20 },
    signal,
    drainMs = 3_000,
    onPulse,
    now = Date.now,
    random = Math.random,
  } = options;

  const position: StreamPosition = {
    cursor: options.startCursor ?? spool.resumedCursor,
    us: options.startUs ?? spool.resumedUs,
  };
  const foreign = position.cursor === null ? null : (options.foreignCursor ?? null);
  let fromNow = foreign !== null; // the server refused our cursor, or never gave it: ask for what is new
  let connection: Connection | null = null;
  let connected = false;
  let paused = false;
  let received = 0;
  let heardMs = now();
  let stoppedBy: StoppedBy | null = null;
  let wake: () => void = () => {};
  const stopped = new Promise<void>((resolve) => (wake = resolve));

  const stop = (by: StoppedBy): void => {
    stoppedBy ??= by;
    connection?.drop(`capture stops (${stoppedBy})`);
    wake();
  };

  const source = await openSource(spool, {
    onTaken(at) {
      fromNow = false;
      position.cursor = at.cursor;
      position.us = at.us;
      const gap = ledger.arrive(at.first);
      if (gap !== null) source.stateGap(gap, position.cursor);
    },
    onNotice({ kind, name, message }) {
      log.warn(`the server says: ${name}`, { kind, message, cursor: position.cursor });
      const loss = losing[name];
      if (loss !== undefined) ledger.lose(loss.kind, loss.detail);
      if (name === 'FutureCursor') fromNow = true;
      if (kind === 'error') connection?.drop(`the server ended it: ${name}`);
    },
  });
  const ledger = openGapLedger(source.stream);

  const left = (kind: string, detail: string): void => {
    const gap = ledger.leave(kind, { ...position }, detail);
    if (gap !== null) source.stateGap(gap, position.cursor);
  };
  for (const statement of options.statements ?? []) source.stateGap(statement, position.cursor);
  if (foreign !== null) {
    left(foreign.kind, foreign.detail);
    ledger.lose(foreign.kind, foreign.detail);
  } else if (spool.resumedCursor === null && position.cursor !== null) {
    // from the stream's very beginning: nothing is missing
  } else if (position.cursor === null) left('first_start', 'no earlier capture of this stream');
  else if (spool.recovered.length > 0) left('crash', 'an earlier capture ended without sealing its segment');
  else left('stopped', 'an earlier capture was stopped');

  const over = (share: number): boolean =>
    source.backlog.messages > maxBacklog.messages * share ||
    source.backlog.bytes + spool.pendingBytes > maxBacklog.bytes * share;
  const regulate = (): void => {
    if (!paused && over(1)) {
      paused = true;
      connection?.pause();
    } else if (paused && !over(0.5)) {
      paused = false;
      connection?.resume();
    }
  };

  let connections = 0;
  heardMs = now();
  let pulsedMs = now();
  const timer = setInterval(() => {
    regulate();
    if (source.backlog.messages > 0 || paused) heardMs = now(); // busy is not idle
    // a server that is still starting is not quiet yet
    const quietMs = connections === 0 ? Math.max(idleExitMs ?? 0, firstConnectionMs) : idleExitMs;
    if (idleExitMs !== null && quietMs !== null && now() - heardMs >= quietMs) stop('idle');
    if (now() - pulsedMs >= 1_000) {
      pulsedMs = now();
      onPulse?.({ connected, paused, position: { ...position }, source });
    }
  }, 20);
  const onAbort = (): void => stop('signal');
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) stop('signal');

  const loop = async (): Promise<void> => {
    for (let attempt = 0; stoppedBy === null;) {
      const cursor = fromNow || position.cursor === null ? null : rewind(position.cursor);
      const beganMs = now();
      connection = connect(
        source.url(cursor),
        {
          onOpen() {
            connected = true;
            connections++;
            heardMs = now();
            log.info('connected', { stream: source.stream, cursor });
          },
          onMessage(message) {
            if (stoppedBy !== null) return;
            heardMs = now();
            received++;
            source.take(message);
            if (maxEvents !== null && received >= maxEvents) stop('max-events');
            else regulate();
          },
        },
        { idleMs },
      );
      if (paused) connection.pause();
      const reason = await connection.ended;
      connection = null;
      const was = connected;
      connected = false;
      if (stoppedBy !== null) break;
      await source.drained(); // the cursor to go on from is what has been taken
      if (was) left('disconnect', reason);
      attempt = now() - beganMs > 10_000 ? 0 : attempt + 1;
      const delay = backoffMs(attempt, random, backoff);
      log.warn('disconnected', { stream: source.stream, reason, again_in_ms: Math.round(delay) });
      await Promise.race([wait(delay, undefined, { signal }).catch(() => undefined), stopped]);
    }
    if (stoppedBy === 'signal')
      await Promise.race([source.drained(), wait(drainMs, undefined, { ref: false })]); // what is left is after the cursor and comes again
    else await source.drained();
  };

  try {
    await Promise.race([loop(), spool.failed, source.failed]);
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', onAbort);
    stop('signal'); // after a failure: end the connection
    await source.close();
  }
  return { stoppedBy: stoppedBy as unknown as StoppedBy, connections, position, source };
}
