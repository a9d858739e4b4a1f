import path from 'node:path';
import { describeHolder, openSegmentWriter, takeLock } from '../../../lake/index.ts';
import { backfillErrors } from '../errors.ts';
import { backfillFormat, backfillStream } from './lines.ts';
import { recoverBackfill } from './recover.ts';

/** Gives lines to a group; waits now and then, so that others get their turn and memory stays bounded. */
export type AddLines = (lines: string, count: number) => void;

export interface BackfillSpool {
  /** Segments that an earlier backfill left behind when it died. */
  readonly recovered: number;
  /**
   * Writes a group, one after the other, durably: when it returns, the group is there; when the process dies before,
   * nothing of it is. A segment is never sealed within a group.
   * @throws FeedtrialError FT_BACKFILL_SPOOL; then no other group can be written, and the next run takes out this one
   */
  group(write: (add: AddLines) => Promise<void> | void): Promise<void>;
  close(): Promise<void>;
}

const flushBytes = 4 << 20;

/** @throws FeedtrialError FT_BACKFILL_BUSY */
export function openBackfillSpool(spool: string, now: () => number = Date.now): BackfillSpool {
  const lockFile = path.join(spool, `${backfillStream}.lock`);
  const lock = takeLock(lockFile);
  if (lock === null) throw backfillErrors.busy(describeHolder(lockFile));
  let recovered: number;
  try {
    recovered = recoverBackfill(spool, now);
  } catch (error) {
    lock.release();
    throw backfillErrors.spool(error);
  }
  const writer = openSegmentWriter({
    spool,
    stream: backfillStream,
    format: backfillFormat,
    maxBytes: 64 << 20,
    maxAgeMs: 15 * 60_000,
    now,
  });
  let queue: Promise<unknown> = Promise.resolve();
  let broken: unknown = null;

  const writeGroup = async (write: (add: AddLines) => Promise<void> | void): Promise<void> => {
    if (broken !== null) throw backfillErrors.spool(broken);
    try {
      await write((lines, count) => {
        writer.append(lines, count, null);
        if (writer.pendingBytes > flushBytes) writer.flush();
      });
      await writer.sync();
      await writer.rotateIfDue();
    } catch (error) {
      broken = error;
      throw backfillErrors.spool(error);
    }
  };

  return {
    recovered,
    group(write) {
      const done = queue.then(() => writeGroup(write));
      queue = done.catch(() => undefined);
      return done;
    },
    async close() {
      try {
        await queue;
        if (broken === null) await writer.close(); // else the next run cuts the segment where its last group ends
      } finally {
        lock.release();
      }
    },
  };
}
