import type { Matrix } from './nearest.ts';

/** Means of embeddings that come in any number, one a name, in the order in which the names were first heard of. */
export interface Centers {
  /** Adds an embedding with a weight to the mean of a name. */
  add(name: string, embeddings: Matrix, row: number, weight: number): void;
  names(): string[];
  /** The means at unit length, so that a product with an embedding is a cosine. A mean of length 0 is left out. */
  finish(): { names: string[]; centers: Matrix };
}

export function openCenters(): Centers {
  const sums = new Map<string, Float64Array>();
  return {
    add(name, { values, width }, row, weight) {
      let sum = sums.get(name);
      if (sum === undefined) {
        sum = new Float64Array(width);
        sums.set(name, sum);
      }
      for (let i = 0; i < width; i++)
        sum[i] = (sum[i] as number) + weight * (values[row * width + i] as number);
    },
    names: () => [...sums.keys()],
    finish() {
      const kept = [...sums].flatMap(([name, sum]) => {
        const length = Math.sqrt(sum.reduce((total, x) => total + x * x, 0));
        return length > 0 ? [{ name, unit: sum.map((x) => x / length) }] : [];
      });
      const width = kept[0]?.unit.length ?? 0;
      const values = new Float32Array(kept.length * width);
      kept.forEach(({ unit }, row) => {
        values.set(unit, row * width);
      });
      return { names: kept.map(({ name }) => name), centers: { values, rows: kept.length, width } };
    },
  };
}
