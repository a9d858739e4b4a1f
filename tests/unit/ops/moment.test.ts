import { expect, test } from 'vitest';
import { momentUs } from '../../../ops/cli/moment.ts';

test('a moment needs a zone, a date alone is midnight UTC', () => {
  expect(momentUs('2026-07-04')).toBe(Date.UTC(2026, 6, 4) * 1000);
  expect(momentUs('2026-07-04T12:00:00Z')).toBe(Date.UTC(2026, 6, 4, 12) * 1000);
  expect(momentUs('2026-07-04T12:00+02:00')).toBe(Date.UTC(2026, 6, 4, 10) * 1000);
});

test.each(['yesterday', '2026-07-04T12:00:00', '2026-13-01', '1783166400'])('%s is refused', (text) => {
  expect(() => momentUs(text)).toThrow(
    expect.objectContaining({ code: 'FT_CLI_MOMENT', exitCode: 2 }) as Error,
  );
});
