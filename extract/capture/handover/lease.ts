import os from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { Lake } from '../../../lake/index.ts';
import { FeedtrialError } from '../../../ops/errors/index.ts';
import { log } from '../../../ops/telemetry/index.ts';
import { captureErrors } from '../errors.ts';

/** Where a stream stands, for captures that don't share a spool: `leases/capture-<stream>.json` of the lake. */
interface LeaseState {
  runId: string;
  host: string;
  pid: number;
  /** When its holder last said that it lives; milliseconds UTC. */
  renewedMs: number;
  /** It has sealed and gone. */
  ended: boolean;
  /** Run that asks for the stream; null while nobody does. */
  wantedBy: string | null;
  /** Server that the cursor is of. */
  server: string;
  cursor: number | null;
  us: number | null;
}

export interface LeasePosition {
  server: string;
  cursor: number | null;
  us: number | null;
}

export interface StreamLease {
  /** Where the one before came to; null where nobody held the lease before. */
  readonly from: LeasePosition | null;
  /** Says that this capture lives and where it stands, every few seconds from now on. */
  keep(position: () => LeasePosition, onWanted: () => void): void;
  /** Lets go of it at a position that is durable. */
  end(position: LeasePosition): Promise<void>;
}

export interface LeaseOptions {
  lake: Lake;
  stream: string;
  runId: string;
  server: string;
  /** Asks a holder that lives to end; false is refused by one. */
  takeOver: boolean;
  waitMs?: number;
  signal?: AbortSignal | undefined;
  now?: () => number;
  renewEveryMs?: number;
  /** A holder that has been silent for so long counts as dead. */
  silentForMs?: number;
}

const parse = (bytes: Uint8Array): LeaseState | null => {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as LeaseState;
  } catch {
    return null;
  }
};

const isRace = (error: unknown): boolean =>
  error instanceof FeedtrialError && error.code === 'FT_LAKE_POINTER_RACED';

/**
 * Takes the lease on a stream, from nobody, from one that has ended or died, or from one that lives and is asked to end. The
 * cursor goes with it, so that the successor begins where its predecessor stopped. Two that both think they have it,
 * because one was cut off from the lake, take the same events twice, which staging folds: a lease spares work, it guards nothing.
 * @throws FeedtrialError FT_CAPTURE_LEASED
 */
export async function takeStreamLease(options: LeaseOptions): Promise<StreamLease> {
  const { lake, stream, runId, server, takeOver, signal, now = Date.now } = options;
  const { waitMs = 30_000, renewEveryMs = 5_000, silentForMs = 60_000 } = options;
  const file = `leases/capture-${stream}.json`;
  const mine = (position: LeasePosition): LeaseState => ({
    runId,
    host: os.hostname(),
    pid: process.pid,
    renewedMs: now(),
    ended: false,
    wantedBy: null,
    ...position,
  });
  /** False if somebody else was faster: look again. */
  const swap = async (found: Uint8Array | null, next: LeaseState): Promise<boolean> => {
    try {
      if (found === null) return await lake.create(file, JSON.stringify(next));
      await lake.swap(file, found, JSON.stringify(next));
      return true;
    } catch (error) {
      if (isRace(error)) return false;
      throw error;
    }
  };

  let from: LeasePosition | null = null;
  const beganMs = performance.now();
  for (let asked = false; ;) {
    const found = await lake.read(file);
    const holder = found === null ? null : parse(found);
    const lives = holder !== null && !holder.ended && now() - holder.renewedMs < silentForMs;
    if (!lives) {
      from = holder === null ? null : { server: holder.server, cursor: holder.cursor, us: holder.us };
      if (await swap(found, mine(from ?? { server, cursor: null, us: null }))) break;
      continue;
    }
    const who = `process ${holder.pid} on ${holder.host} (run ${holder.runId})`;
    if (!takeOver || signal?.aborted === true || performance.now() - beganMs > waitMs)
      throw captureErrors.leased(stream, who);
    if (holder.wantedBy !== runId) await swap(found, { ...holder, wantedBy: runId });
    if (!asked) log.info('asks the capture that has the lease to end', { stream, holder: who });
    asked = true;
    await wait(200, undefined, { signal }).catch(() => undefined);
  }

  let timer: NodeJS.Timeout | null = null;
  let position: () => LeasePosition = () => from ?? { server, cursor: null, us: null };
  let renewing: Promise<void> | null = null;
  const renew = async (onWanted: () => void): Promise<void> => {
    const found = await lake.read(file);
    const state = found === null ? null : parse(found);
    if (state !== null && state.runId !== runId) {
      log.warn('another capture has the lease: this one ends', { stream, holder: state.runId });
      onWanted();
      return;
    }
    if (state?.wantedBy) {
      log.info('a successor asks for the lease: capture seals and ends', {
        stream,
        successor: state.wantedBy,
      });
      onWanted();
      return;
    }
    await swap(found, mine(position()));
  };
  return {
    from,
    keep(at, onWanted) {
      position = at;
      timer = setInterval(() => {
        renewing ??= renew(onWanted)
          .catch(() => undefined) // the lake can't be reached: the next turn tries again
          .finally(() => (renewing = null));
      }, renewEveryMs);
      timer.unref();
    },
    async end(at) {
      if (timer !== null) clearInterval(timer);
      await renewing;
      for (let attempt = 0; attempt < 5; attempt++) {
        const found = await lake.read(file);
        const state = found === null ? null : parse(found);
        if (found === null || state?.runId !== runId) return;
        if (await swap(found, { ...mine(at), ended: true })) return;
      }
    },
  };
}
