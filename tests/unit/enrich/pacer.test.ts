import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openKeyRing } from '../../../enrich/perspective/keys.ts';
import { createPacer } from '../../../enrich/service/pacer.ts';
import { backoffMs, retryAfterMs } from '../../../enrich/service/retry-after.ts';
import { busiestSecond } from '../../fakes/perspective.ts';

describe('a pacer', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => vi.useRealTimers());

  it('never lets more through than the limit in any window, however late its timers are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 20, maxLength: 60 }),
        async (limit, steps) => {
          vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'], now: 0 });
          let clock = 0;
          const pacer = createPacer({ limit, windowMs: 1000, now: () => clock, startMs: 0 });
          const turns: { atMs: number; key: string }[] = [];
          for (let i = 0; i < 200; i++)
            void pacer.take().then((turn) => {
              turn.left();
              turns.push({ atMs: clock, key: '' });
            });
          await vi.advanceTimersByTimeAsync(0);
          for (const step of steps) {
            clock += step; // the clock has moved on before the timer is heard
            await vi.advanceTimersByTimeAsync(1000);
          }
          expect(turns.length).toBeGreaterThan(0);
          expect(busiestSecond(turns)).toBeLessThanOrEqual(limit);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('keeps its rate with punctual timers, evenly and not in bursts', async () => {
    const start = performance.now();
    const pacer = createPacer({ limit: 100, windowMs: 1000 });
    const turns: number[] = [];
    for (let i = 0; i < 1000; i++)
      void pacer.take().then((turn) => {
        turn.left();
        turns.push(performance.now() - start);
      });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(turns.length).toBeGreaterThanOrEqual(498);
    expect(turns.length).toBeLessThanOrEqual(502);
    const perTenth = Array.from(
      { length: 49 },
      (_, i) => turns.filter((t) => t >= i * 100 && t < i * 100 + 100).length,
    );
    for (const count of perTenth) expect(count).toBeLessThanOrEqual(12);
  });

  it('pauses, and goes on in the order in which turns were asked for', async () => {
    const pacer = createPacer({ limit: 10, windowMs: 1000 });
    pacer.pauseUntil(performance.now() + 3_000);
    const got: number[] = [];
    for (let i = 0; i < 5; i++)
      void pacer.take().then((turn) => {
        turn.left();
        got.push(i);
      });
    await vi.advanceTimersByTimeAsync(2_900);
    expect(got).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(got).toEqual([0, 1, 2, 3, 4]);
  });

  it('lets go of who stops waiting', async () => {
    const pacer = createPacer({ limit: 1, windowMs: 1000 });
    (await pacer.take()).left();
    const stop = new AbortController();
    const waiting = pacer.take(stop.signal);
    stop.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    const next = pacer.take();
    await vi.advanceTimersByTimeAsync(1_100);
    await next;
  });
});

describe('what has left', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => vi.useRealTimers());

  it('counts from when it left: a call that is held up keeps its place, and the window behind it', async () => {
    const pacer = createPacer({ limit: 2, windowMs: 1000 });
    const held = await pacer.take();
    const second = pacer.take();
    await vi.advanceTimersByTimeAsync(500);
    (await second).left();
    let third: number | null = null;
    void pacer.take().then((turn) => {
      turn.left();
      third = performance.now();
    });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(third).toBeNull();
    const leftMs = performance.now();
    held.left();
    held.left(); // said twice, it counts once
    await vi.advanceTimersByTimeAsync(999);
    expect(third).toBeNull();
    await vi.advanceTimersByTimeAsync(5);
    expect(third).toBeGreaterThanOrEqual(leftMs + 1000);
  });

  it('loses no more than it must by timers that are late now and then', async () => {
    let lateMs = 0;
    const pacer = createPacer({
      limit: 100,
      windowMs: 1_015,
      spacingMs: 10.17,
      now: () => performance.now() + lateMs,
    });
    let turns = 0;
    for (let i = 0; i < 3_000; i++)
      void pacer.take().then((turn) => {
        turn.left();
        turns++;
      });
    for (let i = 0; i < 200; i++) {
      lateMs = i % 10 === 0 ? 2 : 0; // the clock has moved on before the timer is heard
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(turns).toBeGreaterThanOrEqual(1_950); // of 20 s
  });
});

describe('shards that share a key', () => {
  it('share its rate: all of them together stay below it', () => {
    expect(() => openKeyRing(['one'], 2, 3)).toThrow(
      expect.objectContaining({ code: 'FT_PERSPECTIVE_SHARDS' }),
    );
    expect(() => openKeyRing(['one'], 3, 3)).not.toThrow();
  });

  it('keep their part each', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const turns: { atMs: number; key: string }[] = [];
      for (let shard = 1; shard <= 3; shard++) {
        const ring = openKeyRing(['one'], 100, 3);
        for (let i = 0; i < 500; i++)
          void ring
            .next()
            ?.pacer.take()
            .then((turn) => {
              turn.left();
              turns.push({ atMs: performance.now(), key: 'one' });
            });
      }
      await vi.advanceTimersByTimeAsync(12_000);
      expect(turns.length).toBeGreaterThan(900);
      expect(busiestSecond(turns)).toBeLessThanOrEqual(100);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('how long to leave a service alone', () => {
  it.each([
    [{ 'retry-after': '2' }, 2000],
    [{ 'retry-after-ms': '150', 'retry-after': '9' }, 150],
    [{ 'retry-after': 'Thu, 01 Jan 1970 00:00:05 GMT' }, 5000],
    [{ 'retry-after': '86400' }, 120_000],
    [{ 'retry-after': 'soon' }, null],
    [{}, null],
  ])('%j is %s ms', (headers, ms) => {
    expect(retryAfterMs(new Headers(headers), 0)).toBe(ms);
  });

  it('grows with each failure, within bounds', () => {
    expect(backoffMs(1, () => 0.5)).toBe(500);
    expect(backoffMs(3, () => 0.5)).toBe(2000);
    expect(backoffMs(50, () => 1)).toBe(22_500);
  });
});
