import { describe, expect, it } from 'vitest';
import {
  chiSquaredTail,
  normalProbability,
  normalQuantile,
} from '../../../study/statistics/distributions.ts';
import {
  describeSample,
  meansTest,
  sampleRatioTest,
  standardisedDifference,
} from '../../../study/statistics/tests.ts';

describe('distributions', () => {
  it.each([
    // from tables of the chi-squared distribution
    [3.841459, 1, 0.05],
    [5.991465, 2, 0.05],
    [13.815511, 2, 0.001],
    [18.307038, 10, 0.05],
    [0, 3, 1],
  ])('chi-squared %d with %d degrees of freedom has a tail of %d', (value, degrees, tail) => {
    expect(chiSquaredTail(value, degrees)).toBeCloseTo(tail, 7);
  });

  it.each([
    [0, 0.5],
    [1.959964, 0.975],
    [-1.644854, 0.05],
    [3.090232, 0.999],
  ])('normal %d is at %d, and back', (z, probability) => {
    expect(normalProbability(z)).toBeCloseTo(probability, 6);
    expect(normalQuantile(probability)).toBeCloseTo(z, 5);
  });
});

describe('tests of balance', () => {
  it('compare counts with what was expected', () => {
    // 10^2/40 + 10^2/60 = 2.5 + 1.6667
    const test = sampleRatioTest({ a: 50, b: 50 }, { a: 40, b: 60 });
    expect(test.chi_squared).toBeCloseTo(4.166667, 6);
    expect(test.degrees_of_freedom).toBe(1);
    expect(test.p).toBeCloseTo(0.041227, 6);
    expect(sampleRatioTest({}, { a: 0 })).toMatchObject({ chi_squared: 0, p: 1 });
  });

  it('measure differences in units of spread', () => {
    // means 2 and 3, variances 2 and 2
    expect(standardisedDifference([1, 3], [2, 4])).toBeCloseTo(-Math.SQRT1_2, 12);
    expect(standardisedDifference([1, 1], [1, 1])).toBe(0);
    expect(standardisedDifference([1, 1], [2, 2])).toBeNull();
    expect(standardisedDifference([], [2])).toBeNull();
    expect(describeSample([1, 2, 6])).toEqual({ n: 3, mean: 3, variance: 7 });
  });

  it('find a difference of means as large as its error says', () => {
    // difference 1, error sqrt(2/2 + 2/2) = sqrt(2): z = 0.7071, p = 0.4795
    const test = meansTest([2, 4], [1, 3]);
    expect(test.difference).toBe(1);
    expect(test.z).toBeCloseTo(Math.SQRT1_2, 12);
    expect(test.p).toBeCloseTo(0.4795, 4);
  });
});
