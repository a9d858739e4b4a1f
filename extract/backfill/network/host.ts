import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

export interface HostLimits {
  /** Requests a second that a host is asked at most. */
  perSecond: number;
  /** Requests that may come at once after a pause. */
  burst: number;
  /** Requests that are under way at once. */
  concurrency: number;
}

export const usualLimits: HostLimits = { perSecond: 8, burst: 8, concurrency: 4 };

/** Seconds, or a date; milliseconds since 1970, null for neither. */
export function retryAfterMs(value: string | string[] | undefined, nowMs: number): number | null {
  const text = Array.isArray(value) ? value[0] : value;
  if (text === undefined || text.trim() === '') return null;
  const seconds = Number(text);
  if (Number.isFinite(seconds)) return seconds >= 0 ? nowMs + seconds * 1000 : null;
  const date = Date.parse(text);
  return Number.isFinite(date) ? date : null;
}

const number = (value: string | string[] | undefined): number | null => {
  const text = Array.isArray(value) ? value[0] : value;
  const parsed = text === undefined ? NaN : Number.parseFloat(text);
  return Number.isFinite(parsed) ? parsed : null;
};

/**
 * How fast one host may be asked: a token bucket of ours, and whatever the host says of itself.
 *
 * `ratelimit-policy: 3000;w=300` says how many in how long; `ratelimit-remaining` and `ratelimit-reset` (seconds since 1970, or from
 * now) what is left until when. Of what is left a tenth is left to others behind our address. `retry-after` stops all.
 */
export interface Host {
  /** Resolves when one more request may be made; rejects when `signal` is aborted. */
  enter(signal: AbortSignal): Promise<void>;
  /** The request has ended. */
  leave(): void;
  /** Takes note of what an answer says. @returns when the host may be asked again, milliseconds since 1970; null for now */
  heed(status: number, headers: IncomingHttpHeaders): number | null;
  /** Nothing is under way or waits, and the bucket is full: it may be forgotten. */
  readonly idle: boolean;
  readonly blockedUntilMs: number;
}

export function openHost(limits: HostLimits = usualLimits, now: () => number = Date.now): Host {
  let perSecond = limits.perSecond;
  let tokens = limits.burst;
  let filledMs = now();
  let blockedUntilMs = 0;
  let running = 0;
  let waiting = 0;
  const queue: (() => void)[] = [];

  const fill = (): void => {
    const ms = now();
    tokens = Math.min(limits.burst, tokens + (Math.max(0, ms - filledMs) / 1000) * perSecond);
    filledMs = ms;
  };
  const block = (untilMs: number): void => {
    blockedUntilMs = Math.max(blockedUntilMs, untilMs);
  };

  return {
    async enter(signal) {
      waiting++;
      try {
        if (running >= limits.concurrency) await new Promise<void>((go) => queue.push(go));
        running++;
      } finally {
        waiting--;
      }
      try {
        for (;;) {
          signal.throwIfAborted();
          fill();
          const ms = Math.max(blockedUntilMs - now(), tokens >= 1 ? 0 : ((1 - tokens) / perSecond) * 1000);
          if (ms <= 0) break;
          await wait(Math.min(ms, 60_000), undefined, { signal });
        }
        tokens -= 1;
      } catch (error) {
        this.leave();
        throw error;
      }
    },
    leave() {
      running--;
      queue.shift()?.();
    },
    heed(status, headers) {
      const ms = now();
      const policy = /^\s*"?(\d+)"?\s*;\s*w=(\d+)/.exec(String(headers['ratelimit-policy'] ?? ''));
      if (policy !== null)
        perSecond = Math.min(limits.perSecond, Number(policy[1]) / Math.max(1, Number(policy[2])));
      perSecond = Math.max(perSecond, 0.01);
      const reset = number(headers['ratelimit-reset']);
      const resetMs = reset === null ? null : reset > 1e9 ? reset * 1000 : ms + reset * 1000;
      const remaining = number(headers['ratelimit-remaining']);
      const limit = number(headers['ratelimit-limit']);
      if (remaining !== null && resetMs !== null && resetMs > ms && remaining <= (limit ?? 0) / 10)
        block(resetMs);
      const after = retryAfterMs(headers['retry-after'], ms);
      if (status === 429 || status === 503) {
        const until = after ?? (status === 429 ? resetMs : null);
        if (until !== null && until > ms) block(until);
      }
      return blockedUntilMs > ms ? blockedUntilMs : null;
    },
    get idle() {
      fill();
      return running === 0 && waiting === 0 && tokens >= limits.burst && blockedUntilMs <= now();
    },
    get blockedUntilMs() {
      return blockedUntilMs;
    },
  };
}
