import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diversityScores } from '../../../enrich/similarity/diversity.ts';

describe('maximal marginal relevance', () => {
  it('lets a copy wait until after what is new', () => {
    // Relevance 0.5*1, 0.5*0.9, 0.5*0.6. First a: 0.5. Then b is 0.45 - 0.5*1 = -0.05, c is 0.3 - 0.5*0 = 0.3: c. Last b: -0.05.
    const cosines = Float32Array.of(1, 1, 0, 1, 1, 0, 0, 0, 1);
    expect(diversityScores([1, 0.9, 0.6], cosines, Int32Array.of(0, 1, 2), 0.5)).toEqual([0.5, -0.05, 0.3]);
  });

  it('of share 0 is relevance alone, and what has no embedding is near to nothing', () => {
    const cosines = Float32Array.of(1);
    expect(diversityScores([2, 4], cosines, Int32Array.of(-1, 0), 0)).toEqual([0.5, 1]);
    expect(diversityScores([2, 4], null, Int32Array.of(-1, -1), 0.5)).toEqual([0.25, 0.5]);
    expect(diversityScores([], null, new Int32Array(), 0.5)).toEqual([]);
    expect(diversityScores([0, -1], null, Int32Array.of(-1, -1), 0.5)).toEqual([0, 0]);
  });

  it('gives values that never rise from pick to pick, so that sorting by them gives the picks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: 0.1, max: 9, noNaN: true }), fc.integer({ min: 0, max: 6 })), {
          minLength: 1,
          maxLength: 25,
        }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (posts, share) => {
          const angle = posts.map(([, step]) => (step * Math.PI) / 12);
          const cosines = Float32Array.from(angle.flatMap((a) => angle.map((b) => Math.cos(a - b))));
          const values = diversityScores(
            posts.map(([score]) => score),
            cosines,
            Int32Array.from(posts, (_post, i) => i),
            share,
          );
          // picked again by hand, from the values alone
          const order = values
            .map((_value, i) => i)
            .sort((a, b) => (values[b] as number) - (values[a] as number) || a - b);
          const best = Math.max(...posts.map(([score]) => score));
          const near = posts.map(() => 0);
          for (const pick of order) {
            const expected = (1 - share) * ((posts[pick]?.[0] ?? 0) / best) - share * (near[pick] as number);
            expect(values[pick]).toBeCloseTo(expected, 5);
            posts.forEach((_post, i) => {
              near[i] = Math.max(near[i] as number, cosines[pick * posts.length + i] as number);
            });
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
