/**
 * How many requests may be under way: as many as allowed until the service says that it is too many, then fewer, then
 * slowly more again (additive increase, multiplicative decrease, as TCP does it).
 */
export interface Gate {
  /** Waits for a place; gives the moment of entering, which `leaveTooFast` wants back. */
  enter(signal: AbortSignal): Promise<number>;
  /** Gives the place back after an answer. */
  leave(): void;
  /** Gives the place back after an answer that it was too much; nobody enters for as long as the service asks. */
  leaveTooFast(enteredMs: number, waitMs: number): void;
  /** Places that there are now; not always whole. */
  readonly limit: number;
}

/** A service that asks for no wait at all is given this. */
const leastWaitMs = 50;

export function createGate(most: number, now: () => number = () => performance.now()): Gate {
  let limit = most;
  let inside = 0;
  let closedUntilMs = 0;
  let loweredMs = -Infinity;
  let timer: NodeJS.Timeout | null = null;
  const waiting = new Set<() => void>();

  const admit = (): void => {
    if (timer !== null) return;
    const waitMs = closedUntilMs - now();
    if (waitMs > 0) {
      if (waiting.size > 0)
        timer = setTimeout(() => {
          timer = null;
          admit();
        }, Math.ceil(waitMs));
      return;
    }
    for (const go of waiting) {
      if (inside >= Math.max(1, Math.floor(limit))) return;
      waiting.delete(go);
      inside++;
      go();
    }
  };

  return {
    enter(signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(signal.reason as Error);
          return;
        }
        const onAbort = (): void => {
          waiting.delete(go);
          reject(signal.reason as Error);
        };
        const go = (): void => {
          signal.removeEventListener('abort', onAbort);
          resolve(now());
        };
        signal.addEventListener('abort', onAbort, { once: true });
        waiting.add(go);
        admit();
      });
    },
    leave() {
      inside--;
      limit = Math.min(most, limit + 1 / limit);
      admit();
    },
    leaveTooFast(enteredMs, waitMs) {
      inside--;
      const nowMs = now();
      // who entered before the limit was lowered says nothing of the new one
      if (enteredMs > loweredMs) {
        limit = Math.max(1, limit * 0.7);
        loweredMs = nowMs;
      }
      closedUntilMs = Math.max(closedUntilMs, nowMs + Math.max(waitMs, leastWaitMs));
      admit();
    },
    get limit() {
      return limit;
    },
  };
}
