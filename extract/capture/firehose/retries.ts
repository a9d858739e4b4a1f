/** A frame that was rejected for a reason that time may heal: a directory that lags, a key that is being rotated. */
interface Waiting {
  frame: Buffer;
  receivedUs: number;
  /** How often it has been tried. */
  attempts: number;
  dueMs: number;
}

/**
 * Frames to be tried again. They are in the spool as rejected already, so nothing is lost when there is no room here or
 * the process ends: a frame that verifies in the end is written as records beside its rejection.
 */
export interface Retries {
  /** False if it won't be tried again: enough attempts, or no room. */
  add(frame: Buffer, receivedUs: number, attempts: number): boolean;
  /** Takes out what is due, those with the same number of attempts together. */
  takeDue(): { frames: Buffer[]; receivedUs: number[]; attempts: number }[];
  readonly size: number;
}

export function openRetries(
  delaysMs: readonly number[],
  now: () => number,
  { maxFrames = 2_000, maxBytes = 32 << 20 }: { maxFrames?: number; maxBytes?: number } = {},
): Retries {
  let waiting: Waiting[] = [];
  let bytes = 0;
  return {
    add(frame, receivedUs, attempts) {
      const delay = delaysMs[attempts - 1];
      if (delay === undefined || waiting.length >= maxFrames || bytes + frame.length > maxBytes) return false;
      // a copy: the frame may be a view into a much larger piece that the socket read
      waiting.push({ frame: Buffer.from(frame), receivedUs, attempts, dueMs: now() + delay });
      bytes += frame.length;
      return true;
    },
    takeDue() {
      const due = waiting.filter(({ dueMs }) => dueMs <= now());
      if (due.length === 0) return [];
      waiting = waiting.filter(({ dueMs }) => dueMs > now());
      for (const { frame } of due) bytes -= frame.length;
      return [...Map.groupBy(due, ({ attempts }) => attempts)].map(([attempts, group]) => ({
        frames: group.map(({ frame }) => frame),
        receivedUs: group.map(({ receivedUs }) => receivedUs),
        attempts,
      }));
    },
    get size() {
      return waiting.length;
    },
  };
}
