import fc from 'fast-check';
import { expect, it } from 'vitest';
import { eventMicroseconds } from '../../../extract/capture/index.ts';

it('times are read to the microsecond, in any zone', () => {
  expect(eventMicroseconds('1970-01-01T00:00:00Z')).toBe(0);
  expect(eventMicroseconds('2026-07-04T14:38:07.5170019Z')).toBe(1783175887517001);
  expect(eventMicroseconds('2026-07-04T16:38:07.5+02:00')).toBe(1783175887500000);
  expect(eventMicroseconds('1985-04-12T23:20:50.123-00:00')).toBe(482196050123000);
});

it('what is not a datetime has no time', () => {
  for (const wrong of [
    '',
    'now',
    '2026-07-04',
    '2026-07-04T14:38:07',
    '2026-13-04T14:38:07Z',
    5,
    null,
    undefined,
  ])
    expect(eventMicroseconds(wrong)).toBeNull();
});

it('agrees with Date on every millisecond', () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date('1970-01-01'), max: new Date('2200-01-01'), noInvalidDate: true }),
      (date) => {
        expect(eventMicroseconds(date.toISOString())).toBe(date.getTime() * 1000);
      },
    ),
  );
});
