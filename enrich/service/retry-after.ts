/**
 * How long a service asks to be left alone, in milliseconds: `retry-after-ms`, or `retry-after` in seconds or as a date.
 * @returns null where it doesn't say; never more than `atMostMs`, so that a wrong clock there doesn't stop a run here
 */
export function retryAfterMs(headers: Headers, nowMs: number, atMostMs = 120_000): number | null {
  const inMs = Number(headers.get('retry-after-ms') ?? NaN);
  if (inMs >= 0) return Math.min(inMs, atMostMs);
  const given = headers.get('retry-after');
  if (given === null || given.trim() === '') return null;
  const seconds = Number(given);
  const ms = Number.isNaN(seconds) ? Date.parse(given) - nowMs : seconds * 1000;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), atMostMs);
}

/** Waits longer after each failure, by chance so that many who failed together don't come back together. */
export const backoffMs = (failures: number, random: () => number = Math.random): number =>
  Math.min(250 * 2 ** failures, 15_000) * (0.5 + random());
