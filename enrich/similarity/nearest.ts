import { InferenceSession, Tensor } from '../onnxruntime.ts';
import { productGraph } from './matrix-graph.ts';

/** Rows of one size in one array: row i begins at i * width. */
export interface Matrix {
  readonly values: Float32Array;
  readonly rows: number;
  readonly width: number;
}

export interface Neighbour {
  /** Number of the post over all that were added, from 0 in the order in which they were given. */
  post: number;
  cosine: number;
}

/** Nearest posts of each center; holds no more than a few blocks' products. */
export interface NearestPosts {
  /** Takes the next posts. */
  add(posts: Matrix): Promise<void>;
  /** Neighbours of each center, nearest first. */
  finish(): Neighbour[][];
  close(): Promise<void>;
}

/** Posts of one product: their cosines to 2,000 centers are 32 MB. */
const blockRows = 4096;

/** Most numbers in a block's product, floats: 64 MB. */
const productFloats = 16 * 1024 * 1024;

const decimals = 1e6;

/** Cosines carry this many decimals: what differs beyond is the order of summing. */
export const roundCosine = (value: number): number => Math.round(value * decimals) / decimals + 0;

/** Product of two rows, summed in double precision in the order of their numbers. */
export function dot(a: Matrix, rowOfA: number, b: Matrix, rowOfB: number): number {
  const { width } = b;
  let sum = 0;
  for (let i = 0, atA = rowOfA * width, atB = rowOfB * width; i < width; i++)
    sum += (a.values[atA + i] as number) * (b.values[atB + i] as number);
  return sum;
}

/** A place in the order "nearest first, of equal ones the earlier post first" is one whole number: the larger, the nearer. */
const postNumbers = 2 ** 31;
const keyOf = (roundedCosine: number, post: number): number =>
  (roundedCosine + 2 * decimals) * postNumbers + (postNumbers - 1 - post);
const neighbourOf = (key: number): Neighbour => ({
  post: postNumbers - 1 - (key % postNumbers),
  cosine: (Math.floor(key / postNumbers) - 2 * decimals) / decimals + 0,
});

/** The best `k` of any number of keys: keeps up to twice as many and sorts when they are full. */
class Best {
  private readonly keys: Float64Array;
  private readonly k: number;
  private count = 0;
  /** No cosine under this can be among the best any more. */
  threshold = -Infinity;

  constructor(k: number) {
    this.k = k;
    this.keys = new Float64Array(2 * k);
  }

  add(key: number): void {
    this.keys[this.count++] = key;
    if (this.count === this.keys.length) this.cut();
  }

  /** Keys in order, the best last. */
  cut(): Float64Array {
    const sorted = this.keys.subarray(0, this.count).sort();
    if (this.count < this.k) return sorted;
    this.keys.copyWithin(0, this.count - this.k, this.count);
    this.count = this.k;
    // what rounds to the same as the farthest that is kept may still be an earlier post
    this.threshold = neighbourOf(this.keys[0] as number).cosine - 1 / decimals;
    return this.keys.subarray(0, this.k);
  }
}

/**
 * @param centers rows of unit length, one a participant
 * @param k neighbours wanted a center
 * @param threads products that are computed at the same time
 * @param rowsAtOnce posts of one product
 */
export async function openNearestPosts(
  centers: Matrix,
  k: number,
  threads: number,
  rowsAtOnce = blockRows,
): Promise<NearestPosts> {
  const { width } = centers;
  // One thread a product and several products at once: threads that share one product spin while they wait for each other.
  const session = await InferenceSession.create(productGraph(width), {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const best = Array.from({ length: centers.rows }, () => new Best(k));
  let seen = 0;

  const take = (
    cosines: Float32Array,
    fromCenter: number,
    count: number,
    posts: number,
    first: number,
  ): void => {
    for (let center = 0; center < count; center++) {
      const mine = best[fromCenter + center] as Best;
      let { threshold } = mine;
      const end = (center + 1) * posts;
      for (let at = center * posts, post = first; at < end; at++, post++) {
        const cosine = cosines[at] as number;
        if (cosine < threshold) continue;
        mine.add(keyOf(Math.round(cosine * decimals), post));
        threshold = mine.threshold;
      }
    }
  };

  const centersAtOnce = Math.max(1, Math.floor(productFloats / rowsAtOnce));
  const blocks = function* (rows: number): Generator<{ from: number; count: number; center: number }> {
    for (let from = 0; from < rows; from += rowsAtOnce)
      for (let center = 0; center < centers.rows; center += centersAtOnce)
        yield { from, count: Math.min(rowsAtOnce, rows - from), center };
  };

  return {
    async add(posts) {
      const waiting = blocks(posts.rows);
      const work = async (): Promise<void> => {
        for (const { from, count, center } of waiting) {
          const rows = Math.min(centersAtOnce, centers.rows - center);
          const { cosines } = await session.run({
            rows: new Tensor('float32', centers.values.subarray(center * width, (center + rows) * width), [
              rows,
              width,
            ]),
            columns: new Tensor('float32', posts.values.subarray(from * width, (from + count) * width), [
              count,
              width,
            ]),
          });
          take(cosines?.data as Float32Array, center, rows, count, seen + from);
        }
      };
      await Promise.all(Array.from({ length: threads }, work));
      seen += posts.rows;
    },
    finish: () => best.map((one) => Array.from(one.cut(), neighbourOf).reverse()),
    close: () => session.release(),
  };
}
