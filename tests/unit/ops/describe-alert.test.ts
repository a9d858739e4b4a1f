import { expect, test } from 'vitest';
import { describeValue } from '../../../ops/alerts/describe.ts';

test.each([
  [0, 'hours', '0 hours'],
  [1, 'hours', '1 hour'],
  [2.5, 'hours', '2.5 hours'],
  [1, 'failed reads', '1 failed read'],
  [1, 'ends in an hour', '1 end in an hour'],
  [1, 'US dollars', '1 US dollar'],
  [12, 'gaps', '12 gaps'],
  [0.25, 'share', '25.0 %'],
  [0.5, 'share of the target', '50 % of the target'],
])('%d %s is said as %s', (value, unit, said) => {
  expect(describeValue(value, unit)).toBe(said);
});
