const isoDatetime = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)$/;

/**
 * Microseconds since 1970 UTC of an atproto datetime; digits beyond microseconds are cut. Null for anything else.
 * @example eventMicroseconds('2026-07-04T14:38:07.5170019Z') === 1783175887517001
 */
export function eventMicroseconds(time: unknown): number | null {
  if (typeof time !== 'string') return null;
  const match = isoDatetime.exec(time);
  if (!match) return null;
  const [, seconds = '', fraction = '', zone = 'Z'] = match;
  const ms = Date.parse(seconds + (zone === '-00:00' ? 'Z' : zone));
  if (!Number.isFinite(ms)) return null;
  return ms * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'));
}
