/**
 * Spaces calls out so that no sliding window ever holds more than `limit` of them: evenly, with what a late timer cost
 * made up for, as far as the window allows. A call counts from when it has left, not from when it was allowed to: what a
 * busy event loop, or a connection that is being opened, puts between the two would else let calls pile up at the service.
 */
export interface Pacer {
  /** Waits for a turn. Turns come in the order in which they were asked for. */
  take(signal?: AbortSignal): Promise<Turn>;
  /** No turns before this moment, in milliseconds of `now`. */
  pauseUntil(ms: number): void;
  /** How long the next caller would wait at least, in milliseconds. */
  readonly waitMs: number;
}

export interface Turn {
  /** The call has left; to be said of every turn, also of one that was not used. Its place in the window is kept until then. */
  left: () => void;
}

export interface PacerOptions {
  /** Turns a window. */
  limit: number;
  /** Milliseconds; longer than what is promised, by as much as calls may be delayed on their way. */
  windowMs: number;
  /** Milliseconds between turns; `windowMs / limit` by default. A little more leaves room to make up for what was late. */
  spacingMs?: number;
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
  const { spacingMs = windowMs / limit } = options;
  const turns = new Float64Array(limit).fill(-Infinity); // when the last `limit` calls left; Infinity while one hasn't
  let oldest = 0;
  let plannedMs = -Infinity; // when the last turn should have come
  let pausedUntilMs = startMs;
  let timer: NodeJS.Timeout | null = null;
  const waiting = new Set<(turn: Turn) => void>();

  const dueMs = (): number =>
    Math.max(plannedMs + spacingMs, (turns[oldest] as number) + windowMs, pausedUntilMs);

  const turnAt = (place: number): Turn => {
    let open = true;
    return {
      left() {
        if (!open) return;
        open = false;
        turns[place] = now();
        if (timer === null && waiting.size > 0) serve();
      },
    };
  };

  const serve = (): void => {
    timer = null;
    for (const go of waiting) {
      const nowMs = now();
      const due = dueMs();
      if (due === Infinity) return; // the call that is waited for says when it has left
      if (due > nowMs) {
        timer = setTimeout(serve, Math.max(1, Math.ceil(due - nowMs)));
        return;
      }
      waiting.delete(go);
      const place = oldest;
      turns[place] = Infinity;
      oldest = (oldest + 1) % limit;
      // the plan goes on from the plan, so that one late turn doesn't make all later ones late
      plannedMs = Math.max(plannedMs + spacingMs, nowMs - catchUpMs);
      go(turnAt(place));
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
        const go = (turn: Turn): void => {
          signal?.removeEventListener('abort', onAbort);
          resolve(turn);
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        // nothing was missed while nobody waited
        if (waiting.size === 0) plannedMs = Math.max(plannedMs, Math.max(now(), pausedUntilMs) - spacingMs);
        waiting.add(go);
        if (timer === null) serve();
      });
    },
    pauseUntil(ms) {
      pausedUntilMs = Math.max(pausedUntilMs, ms);
      plannedMs = Math.max(plannedMs, pausedUntilMs - spacingMs);
    },
    get waitMs() {
      return Math.max(0, dueMs() + waiting.size * spacingMs - now());
    },
  };
}
