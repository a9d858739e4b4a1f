/**
 * Spaces calls out so that no sliding window ever holds more than `limit` of them: evenly, with what a late timer cost
 * made up for, as far as the window allows.
 */
export interface Pacer {
  /** Waits for a turn. Turns come in the order in which they were asked for. */
  take(signal?: AbortSignal): Promise<void>;
  /** No turns before this moment, in milliseconds of `now`. */
  pauseUntil(ms: number): void;
  /** How long the next caller would wait at least, in milliseconds. */
  readonly waitMs: number;
}

export interface PacerOptions {
  /** Turns a window. */
  limit: number;
  /** Milliseconds; longer than what is promised, by as much as calls may be delayed on their way. */
  windowMs: number;
  /** Milliseconds on a clock that never goes back. */
  now?: () => number;
  /** First turn not before this moment: who was killed a moment ago may have used up the window. */
  startMs?: number;
}

/** What a late timer may make up for, in milliseconds of turns that were missed. */
const catchUpMs = 250;

/**
 * @example limit 2, windowMs 1000: turns at 0, 500, 1000, …; with a timer 30 ms late at 530, the next is due at 1000 and
 *   comes then, since the window that ends there holds only one other
 */
export function createPacer(options: PacerOptions): Pacer {
  const { limit, windowMs, now = () => performance.now(), startMs = 0 } = options;
  const spacingMs = windowMs / limit;
  const turns = new Float64Array(limit).fill(-Infinity); // when the last `limit` turns really came
  let oldest = 0;
  let plannedMs = -Infinity; // when the last turn should have come
  let pausedUntilMs = startMs;
  let timer: NodeJS.Timeout | null = null;
  const waiting = new Set<() => void>();

  const dueMs = (): number =>
    Math.max(plannedMs + spacingMs, (turns[oldest] as number) + windowMs, pausedUntilMs);

  const serve = (): void => {
    timer = null;
    for (const go of waiting) {
      const nowMs = now();
      const due = dueMs();
      if (due > nowMs) {
        timer = setTimeout(serve, Math.max(1, Math.ceil(due - nowMs)));
        return;
      }
      waiting.delete(go);
      turns[oldest] = nowMs;
      oldest = (oldest + 1) % limit;
      plannedMs = Math.max(due, nowMs - catchUpMs);
      go();
    }
  };

  return {
    take(signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason as Error);
          return;
        }
        const onAbort = (): void => {
          waiting.delete(go);
          reject(signal?.reason as Error);
        };
        const go = (): void => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        waiting.add(go);
        if (timer === null) serve();
      });
    },
    pauseUntil(ms) {
      pausedUntilMs = Math.max(pausedUntilMs, ms);
    },
    get waitMs() {
      return Math.max(0, dueMs() + waiting.size * spacingMs - now());
    },
  };
}
