import { createHash } from 'node:crypto';

/** A stream of choices that depends on its seed alone. */
export interface Seeded {
  /** From 0 up to, not including, 1. */
  fraction(): number;
  /** Whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  pick<T>(from: readonly T[]): T;
  /** `count` different elements (fewer if there are fewer), in an order that the seed decides. */
  sample<T>(from: readonly T[], count: number): T[];
  /** An independent stream: drawing from it moves nothing here. */
  branch(name: string): Seeded;
}

/** sfc32 started from SHA-256 of the seed: the same draws on every machine and in every version of Node. */
export function seeded(seed: string): Seeded {
  const state = createHash('sha256').update(seed).digest();
  let a = state.readUInt32LE(0);
  let b = state.readUInt32LE(4);
  let c = state.readUInt32LE(8);
  let counter = 1;
  const draw = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return (t >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 15; i++) draw();
  const between = (low: number, high: number): number => low + Math.floor(draw() * (high - low + 1));
  return {
    fraction: draw,
    between,
    pick: (from) => {
      const chosen = from[between(0, from.length - 1)];
      if (chosen === undefined) throw new RangeError('nothing to pick from');
      return chosen;
    },
    sample: (from, count) => {
      const pool = [...from];
      const taken = Math.min(count, pool.length);
      for (let i = 0; i < taken; i++) {
        const j = between(i, pool.length - 1);
        [pool[i], pool[j]] = [pool[j] as (typeof pool)[number], pool[i] as (typeof pool)[number]];
      }
      return pool.slice(0, taken);
    },
    branch: (name) => seeded(`${seed}/${name}`),
  };
}
