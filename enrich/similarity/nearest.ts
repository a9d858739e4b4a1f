import { InferenceSession, Tensor } from '../onnxruntime.ts';
import { matrixGraph } from './matrix-graph.ts';

/** Rows of one size in one array: row i begins at i * width. */
export interface Matrix {
  readonly values: Float32Array;
  readonly rows: number;
  readonly width: number;
}

export interface Neighbour {
  /** Number of the post over all blocks, from 0 in the order in which they were given. */
  post: number;
  cosine: number;
}

/** Nearest posts of each center, over posts that come block by block; holds no more than one block's product. */
export interface NearestPosts {
  /** Takes the next posts. */
  add(posts: Matrix): Promise<void>;
  /** Neighbours of each center, nearest first. */
  finish(): Neighbour[][];
  close(): Promise<void>;
}

/** Most numbers in a block's product, floats: 64 MB. */
const productFloats = 16 * 1024 * 1024;

/** Cosines carry this many decimals: what differs beyond is the order of summing. */
export const roundCosine = (value: number): number => Math.round(value * 1e6) / 1e6 + 0;

/**
 * @param centers rows of unit length, one a participant
 * @param k neighbours wanted a center
 */
export async function openNearestPosts(centers: Matrix, k: number, threads: number): Promise<NearestPosts> {
  const session = await InferenceSession.create(matrixGraph(centers.width), {
    intraOpNumThreads: threads,
    logSeverityLevel: 3,
  });
  const best: Neighbour[][] = Array.from({ length: centers.rows }, () => []);
  let seen = 0;

  // Of equal cosines the earlier post stays: posts come by URI, so this order is total and the same every time.
  const inOrder = (a: Neighbour, b: Neighbour): number => b.cosine - a.cosine || a.post - b.post;

  /** Both are in order, and so is what comes out; after some blocks hardly anything of a new one is near enough. */
  const merge = (center: number, found: Neighbour[]): void => {
    if (found.length === 0) return;
    found.sort(inOrder);
    const kept = best[center] as Neighbour[];
    const merged: Neighbour[] = [];
    for (let i = 0, j = 0; merged.length < k && (i < kept.length || j < found.length);) {
      const one = kept[i];
      const other = found[j];
      if (one !== undefined && (other === undefined || inOrder(one, other) < 0)) {
        merged.push(one);
        i++;
      } else if (other !== undefined) {
        merged.push(other);
        j++;
      }
    }
    best[center] = merged;
  };

  return {
    async add(posts) {
      if (posts.rows === 0) return;
      const { width } = centers;
      const wanted = Math.min(k, posts.rows);
      const centersAtOnce = Math.max(1, Math.floor(productFloats / posts.rows));
      for (let from = 0; from < centers.rows; from += centersAtOnce) {
        const rows = Math.min(centersAtOnce, centers.rows - from);
        const feeds = {
          centers: new Tensor('float32', centers.values.subarray(from * width, (from + rows) * width), [
            rows,
            width,
          ]),
          posts: new Tensor('float32', posts.values.subarray(0, posts.rows * width), [posts.rows, width]),
          k: new Tensor('int64', BigInt64Array.of(BigInt(wanted)), [1]),
        };
        const { values, indices } = await session.run(feeds);
        const cosines = values?.data as Float32Array;
        const numbers = indices?.data as BigInt64Array;
        for (let row = 0; row < rows; row++) {
          const kept = best[from + row] as Neighbour[];
          const farthest = kept.length < k ? -Infinity : (kept.at(-1)?.cosine ?? -Infinity);
          const found: Neighbour[] = [];
          for (let at = row * wanted; at < (row + 1) * wanted; at++) {
            const cosine = roundCosine(cosines[at] as number);
            if (cosine <= farthest) break; // nearest first; of equal ones those that came before stay
            found.push({ post: seen + Number(numbers[at]), cosine });
          }
          merge(from + row, found);
        }
      }
      seen += posts.rows;
    },
    finish: () => best,
    close: () => session.release(),
  };
}
