import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCenters } from '../../../enrich/similarity/centers.ts';
import { openNearestPosts, type Matrix } from '../../../enrich/similarity/nearest.ts';

const width = 8;

/** Rows of unit length from whole numbers, so that equal and opposite ones come up. */
const unitRows = (count: { minLength: number; maxLength: number }): fc.Arbitrary<number[][]> =>
  fc
    .array(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: width, maxLength: width }), count)
    .map((rows) =>
      rows.map((row) => {
        const length = Math.hypot(...row);
        return length === 0 ? [1, ...Array.from({ length: width - 1 }, () => 0)] : row.map((x) => x / length);
      }),
    );

const matrix = (rows: number[][]): Matrix => ({
  values: Float32Array.from(rows.flat()),
  rows: rows.length,
  width,
});

const cosine = (a: number[], b: number[]): number => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);

describe('nearest posts', () => {
  it('are the exact ones, however the posts are cut into blocks', async () => {
    await fc.assert(
      fc.asyncProperty(
        unitRows({ minLength: 1, maxLength: 5 }),
        unitRows({ minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 9 }),
        async (centers, posts, k, blockSize, threads, rowsAtOnce) => {
          const nearest = await openNearestPosts(matrix(centers), k, threads, rowsAtOnce);
          try {
            for (let from = 0; from < posts.length; from += blockSize)
              await nearest.add(matrix(posts.slice(from, from + blockSize)));
            const found = nearest.finish();
            expect(found).toHaveLength(centers.length);
            centers.forEach((center, i) => {
              const best = posts.map((post) => cosine(center, post)).sort((a, b) => b - a);
              const neighbours = found[i] ?? [];
              expect(neighbours).toHaveLength(Math.min(k, posts.length));
              expect(new Set(neighbours.map((n) => n.post)).size).toBe(neighbours.length);
              const kept = new Set(neighbours.map((n) => n.post));
              for (const { post } of neighbours)
                posts.slice(0, post).forEach((earlier, j) => {
                  if (String(earlier) === String(posts[post])) expect(kept).toContain(j); // the same words: the earlier one first
                });
              neighbours.forEach((neighbour, place) => {
                const before = neighbours[place - 1];
                if (before?.cosine === neighbour.cosine) expect(before.post).toBeLessThan(neighbour.post);
                expect(neighbour.cosine).toBeCloseTo(best[place] as number, 5);
                expect(neighbour.cosine).toBeCloseTo(cosine(center, posts[neighbour.post] as number[]), 5);
              });
            });
          } finally {
            await nearest.close();
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('of equal posts are the earlier ones, in the order in which they came', async () => {
    const one = [1, 0, 0, 0, 0, 0, 0, 0];
    const nearest = await openNearestPosts(matrix([one]), 3, 1);
    await nearest.add(matrix([one, one]));
    await nearest.add(matrix([one, one]));
    expect(nearest.finish()).toEqual([
      [
        { post: 0, cosine: 1 },
        { post: 1, cosine: 1 },
        { post: 2, cosine: 1 },
      ],
    ]);
    await nearest.close();
  });
});

describe('the center of embeddings', () => {
  it('is their weighted mean at unit length, and none where they cancel out', () => {
    const posts = matrix([
      [1, 0, 0, 0, 0, 0, 0, 0],
      [0, 1, 0, 0, 0, 0, 0, 0],
      [-1, 0, 0, 0, 0, 0, 0, 0],
    ]);
    const centers = openCenters();
    centers.add('cancels', posts, 0, 1);
    centers.add('cancels', posts, 2, 1);
    centers.add('leans', posts, 0, 3);
    centers.add('leans', posts, 1, 4);
    const { names, centers: means } = centers.finish();
    expect(names).toEqual(['leans']);
    expect([...means.values].map((x) => Math.round(x * 1e6) / 1e6)).toEqual([0.6, 0.8, 0, 0, 0, 0, 0, 0]);
  });
});
