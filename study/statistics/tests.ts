import { chiSquaredTail, normalProbability } from './distributions.ts';

export interface RatioTest {
  /** Arm -> how many there are and how many were expected. */
  arms: Record<string, { observed: number; expected: number }>;
  chi_squared: number;
  degrees_of_freedom: number;
  p: number;
}

/**
 * Whether counts are what was expected, by Pearson's chi-squared (a sample-ratio test).
 * @example 50 and 50 of an expected 40 and 60: 100/40 + 100/60 = 4.1667, p = 0.0412
 */
export function sampleRatioTest(
  observed: Readonly<Record<string, number>>,
  expected: Readonly<Record<string, number>>,
): RatioTest {
  const arms: RatioTest['arms'] = {};
  let chiSquared = 0;
  for (const arm of Object.keys(expected).sort()) {
    const one = { observed: observed[arm] ?? 0, expected: expected[arm] ?? 0 };
    arms[arm] = one;
    if (one.expected > 0) chiSquared += (one.observed - one.expected) ** 2 / one.expected;
  }
  const degrees = Math.max(Object.values(arms).filter((one) => one.expected > 0).length - 1, 0);
  return {
    arms,
    chi_squared: chiSquared,
    degrees_of_freedom: degrees,
    p: chiSquaredTail(chiSquared, degrees),
  };
}

/** Mean and unbiased variance; null where there is nothing. */
export function describeSample(
  values: readonly number[],
): { n: number; mean: number; variance: number } | null {
  const n = values.length;
  if (n === 0) return null;
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  const variance = n > 1 ? values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1) : 0;
  return { n, mean, variance };
}

/**
 * How far apart two samples are in units of their pooled spread: the difference of their means over the root of the mean of
 * their variances. 0 where neither varies and they are equal; null where a sample is empty, or neither varies and they differ.
 * @example 1, 3 and 2, 4: (2 - 3) / sqrt((2 + 2) / 2) = -0.7071
 */
export function standardisedDifference(one: readonly number[], other: readonly number[]): number | null {
  const [a, b] = [describeSample(one), describeSample(other)];
  if (a === null || b === null) return null;
  const spread = Math.sqrt((a.variance + b.variance) / 2);
  if (spread > 0) return (a.mean - b.mean) / spread;
  return a.mean === b.mean ? 0 : null;
}

/** Two-sided p of the difference of two means, variances unequal, by the normal distribution: for samples of some dozens and more. */
export function meansTest(
  one: readonly number[],
  other: readonly number[],
): { difference: number; z: number; p: number } {
  const [a, b] = [describeSample(one), describeSample(other)];
  if (a === null || b === null) return { difference: 0, z: 0, p: 1 };
  const error = Math.sqrt(a.variance / a.n + b.variance / b.n);
  const difference = a.mean - b.mean;
  const z = error > 0 ? difference / error : 0;
  return { difference, z, p: 2 * (1 - normalProbability(Math.abs(z))) };
}
