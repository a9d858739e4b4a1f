import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  areaUnderCurve,
  bootstrap,
  calibrationError,
  seededRandom,
  spearman,
} from '../../../enrich/students/evaluate.ts';

describe('AUC', () => {
  it('is the share of pairs in which the positive is over the negative, ties counting half', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.boolean()), { minLength: 2, maxLength: 40 }),
        (rows) => {
          const positives = rows.filter(([, positive]) => positive);
          const negatives = rows.filter(([, positive]) => !positive);
          const value = areaUnderCurve(
            rows.map(([score]) => score),
            rows.map(([, positive]) => positive),
          );
          if (positives.length === 0 || negatives.length === 0) {
            expect(value).toBeNull();
            return;
          }
          let won = 0;
          for (const [p] of positives) for (const [n] of negatives) won += p > n ? 1 : p === n ? 0.5 : 0;
          expect(value).toBeCloseTo(won / (positives.length * negatives.length), 10);
        },
      ),
    );
  });
});

describe('Spearman', () => {
  it('is 1 for any rising change of scale and -1 for any falling one', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 2, maxLength: 30 }),
        (values) => {
          expect(
            spearman(
              values,
              values.map((x) => Math.exp(x / 10)),
            ),
          ).toBeCloseTo(1, 10);
          expect(
            spearman(
              values,
              values.map((x) => -(x ** 3)),
            ),
          ).toBeCloseTo(-1, 10);
        },
      ),
    );
  });

  it('shares ranks between ties', () => {
    // by hand: ranks (1.5, 1.5, 3, 4) and (1, 2, 3, 4)
    expect(spearman([5, 5, 6, 7], [1, 2, 3, 4])).toBeCloseTo(4.5 / Math.sqrt(4.5 * 5), 10);
    expect(spearman([1, 1], [1, 2])).toBeNull();
  });
});

describe('calibration', () => {
  it('is the distance between what was said and what was so', () => {
    expect(calibrationError([0.2, 0.2, 0.8, 0.8], [0, 0, 1, 1], 2)).toBeCloseTo(0.2, 10);
    expect(calibrationError([0, 0, 1, 1], [0, 0, 1, 1], 2)).toBe(0);
  });
});

describe('the bootstrap', () => {
  it('gives the same interval for the same seed, around the value', () => {
    const random = seededRandom(3);
    const scores = Array.from({ length: 200 }, () => random());
    const clusters = scores.map((_, i) => [i]);
    const mean = (rows: readonly number[]) =>
      rows.reduce((sum, i) => sum + (scores[i] as number), 0) / rows.length;
    const one = bootstrap(clusters, mean);
    expect(bootstrap(clusters, mean)).toEqual(one);
    expect(one.low).toBeLessThan(one.value);
    expect(one.high).toBeGreaterThan(one.value);
    // a mean of 200 uniform numbers has a standard error of 0.0204
    expect(one.high - one.low).toBeGreaterThan(0.06);
    expect(one.high - one.low).toBeLessThan(0.1);
  });

  it('is wider over clusters than over rows that repeat each other', () => {
    const values = Array.from({ length: 20 }, (_, i) => i);
    const rows = values.flatMap((v) => Array.from({ length: 10 }, () => v));
    const mean = (at: readonly number[]) => at.reduce((sum, i) => sum + (rows[i] as number), 0) / at.length;
    const byRow = bootstrap(
      rows.map((_, i) => [i]),
      mean,
    );
    const byAuthor = bootstrap(
      values.map((_, c) => Array.from({ length: 10 }, (_, i) => c * 10 + i)),
      mean,
    );
    expect(byAuthor.high - byAuthor.low).toBeGreaterThan(2 * (byRow.high - byRow.low));
  });
});
