import { describe, expect, it } from 'vitest';
import { openHost, retryAfterMs } from '../../../extract/backfill/index.ts';

const nowMs = Date.UTC(2026, 6, 4, 12);
const host = () => openHost({ perSecond: 10, burst: 2, concurrency: 1 }, () => nowMs);

describe('retry-after', () => {
  it.each([
    ['5', nowMs + 5_000],
    ['0', nowMs],
    ['Sat, 04 Jul 2026 12:00:30 GMT', nowMs + 30_000],
    ['-1', null],
    ['soon', null],
    ['', null],
    [undefined, null],
  ])('%s', (value, expected) => {
    expect(retryAfterMs(value, nowMs)).toBe(expected);
  });
});

describe('what a host says of itself', () => {
  it.each([
    ['a pause with 429', 429, { 'retry-after': '7' }, nowMs + 7_000],
    ['a pause with 503', 503, { 'retry-after': '7' }, nowMs + 7_000],
    ['no pause', 429, {}, null],
    ['a pause with a good answer, which is none', 200, { 'retry-after': '7' }, null],
    [
      'that nothing is left until a moment',
      200,
      { 'ratelimit-limit': '100', 'ratelimit-remaining': '0', 'ratelimit-reset': String(nowMs / 1000 + 9) },
      nowMs + 9_000,
    ],
    [
      'that a tenth is left, which is left to others',
      200,
      { 'ratelimit-limit': '100', 'ratelimit-remaining': '10', 'ratelimit-reset': '9' },
      nowMs + 9_000,
    ],
    [
      'that enough is left',
      200,
      { 'ratelimit-limit': '100', 'ratelimit-remaining': '11', 'ratelimit-reset': '9' },
      null,
    ],
    [
      'when it counts anew, with 429',
      429,
      { 'ratelimit-limit': '100', 'ratelimit-remaining': '50', 'ratelimit-reset': '4' },
      nowMs + 4_000,
    ],
    ['nonsense', 429, { 'retry-after': 'x', 'ratelimit-reset': 'y', 'ratelimit-policy': 'z' }, null],
  ])('%s', (_, status, headers, until) => {
    expect(host().heed(status, headers)).toBe(until);
  });

  it('about how many in how long slows what comes after', async () => {
    const limited = openHost({ perSecond: 1_000, burst: 1, concurrency: 1 });
    limited.heed(200, { 'ratelimit-policy': '20;w=1' });
    const signal = new AbortController().signal;
    const beganMs = performance.now();
    for (let i = 0; i < 5; i++) {
      await limited.enter(signal);
      limited.leave();
    }
    expect(performance.now() - beganMs).toBeGreaterThan(4 * 50 - 20); // the first had a token
  });
});

it('whoever waits for a host stops waiting when it is told to, and lets the next one in', async () => {
  const one = host();
  const controller = new AbortController();
  one.heed(429, { 'retry-after': '600' });
  const waiting = one.enter(controller.signal);
  const behind = one.enter(controller.signal);
  controller.abort();
  await expect(waiting).rejects.toThrow();
  await expect(behind).rejects.toThrow();
  expect(one.idle).toBe(false); // it is blocked still
});
