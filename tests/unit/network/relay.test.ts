import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planClock } from '../../network/relay.ts';
import { tidOf } from '../../network/populate.ts';

describe('the clock of the plan', () => {
  const start = Date.parse('2026-03-01T00:00:00Z') * 1000;
  const time = '2026-03-03T00:00:00.000Z';

  test("gives a commit the plan's time, what comes in between the moment after, and the rest its own", () => {
    const clock = planClock({
      timeOfCommit: new Map([
        ['a/1', start + 5e6],
        ['b/1', start + 9e6],
      ]),
      windowStartUs: start,
    });
    const ms = start / 1000;
    expect(clock.timeMs({ repo: 'a', rev: '1', time })).toBe(ms + 5_000);
    expect(clock.timeMs({ time })).toBe(ms + 5_001);
    expect(clock.isThrough()).toBe(false);
    expect(clock.timeMs({ repo: 'b', rev: '1', time })).toBe(ms + 9_000);
    expect(clock.isThrough()).toBe(true);
    expect(clock.timeMs({ repo: 'b', rev: '2', time })).toBe(Date.parse(time));
  });

  test('always rises, whatever comes in which order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 20 })), fc.array(fc.nat({ max: 30 })), (planned, arriving) => {
        const timeOfCommit = new Map(planned.map((second, i) => [`a/${i}`, start + second * 1e6]));
        const clock = planClock({ timeOfCommit, windowStartUs: start });
        let previous = 0;
        for (const i of arriving) {
          const now = clock.timeMs({ repo: 'a', rev: String(i), time });
          expect(now).toBeGreaterThan(previous);
          previous = now;
        }
      }),
    );
  });
});

test('a TID sorts as its time does', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1e15, max: 2e15 }), fc.integer({ min: 1, max: 1e12 }), (us, later) => {
      expect(tidOf(us)).toMatch(/^[234567a-j][234567a-z]{12}$/);
      expect(tidOf(us) < tidOf(us + later)).toBe(true);
    }),
  );
});
