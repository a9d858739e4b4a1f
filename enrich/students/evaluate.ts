/** Ranks from 1, ties sharing their mean rank. */
function ranksOf(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort(
    (a, b) => (values[a] as number) - (values[b] as number),
  );
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end++;
    for (let i = start; i < end; i++) ranks[order[i] as number] = (start + end + 1) / 2;
    start = end;
  }
  return ranks;
}

/**
 * Area under the ROC curve: the probability that a positive is scored over a negative, ties counting half.
 * @returns null where one of the classes is absent
 */
export function areaUnderCurve(scores: ArrayLike<number>, positive: ArrayLike<boolean>): number | null {
  const ranks = ranksOf(scores);
  let positives = 0;
  let rankSum = 0;
  for (let i = 0; i < ranks.length; i++)
    if (positive[i]) {
      positives++;
      rankSum += ranks[i] as number;
    }
  const negatives = ranks.length - positives;
  if (positives === 0 || negatives === 0) return null;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/** Spearman's rank correlation; null where one side doesn't vary. */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const x = ranksOf(a);
  const y = ranksOf(b);
  const mean = (x.length + 1) / 2;
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < x.length; i++) {
    const dx = (x[i] as number) - mean;
    const dy = (y[i] as number) - mean;
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xx === 0 || yy === 0 ? null : xy / Math.sqrt(xx * yy);
}

/** Mean distance between predicted and observed share in ten equally filled bins of the prediction. */
export function calibrationError(
  predicted: ArrayLike<number>,
  observed: ArrayLike<number>,
  bins = 10,
): number {
  return calibrationBins(predicted, observed, bins).reduce(
    (sum, bin) => sum + (bin.count / predicted.length) * Math.abs(bin.predicted - bin.observed),
    0,
  );
}

export interface CalibrationBin {
  count: number;
  /** Mean prediction. */
  predicted: number;
  /** Mean of what was observed. */
  observed: number;
}

/** Bins with equally many rows, by ascending prediction. */
export function calibrationBins(
  predicted: ArrayLike<number>,
  observed: ArrayLike<number>,
  bins = 10,
): CalibrationBin[] {
  const order = Array.from({ length: predicted.length }, (_, i) => i).sort(
    (a, b) => (predicted[a] as number) - (predicted[b] as number),
  );
  const found: CalibrationBin[] = [];
  for (let bin = 0; bin < bins; bin++) {
    const rows = order.slice(
      Math.floor((bin * order.length) / bins),
      Math.floor(((bin + 1) * order.length) / bins),
    );
    if (rows.length === 0) continue;
    const mean = (values: ArrayLike<number>) =>
      rows.reduce((sum, i) => sum + (values[i] as number), 0) / rows.length;
    found.push({ count: rows.length, predicted: mean(predicted), observed: mean(observed) });
  }
  return found;
}

/** A generator of numbers in [0, 1) from a seed (mulberry32): for bootstraps and shuffles, so that they repeat. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Estimate {
  value: number;
  /** 95% interval, percentile bootstrap. */
  low: number;
  high: number;
  /** Rows. */
  n: number;
}

/**
 * A figure with its 95% interval by bootstrap over clusters (authors, or rows where each is its own).
 * @param clusters rows of each cluster
 * @param figure computed on row numbers, with repetitions; null where it is undefined, and then that draw is left out
 */
export function bootstrap(
  clusters: readonly (readonly number[])[],
  figure: (rows: readonly number[]) => number | null,
  draws = 1000,
  seed = 1,
): Estimate {
  const all = clusters.flat();
  const value = figure(all);
  if (value === null) throw new Error('the figure is undefined on the whole sample');
  const random = seededRandom(seed);
  const drawn: number[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const rows: number[] = [];
    for (let i = 0; i < clusters.length; i++) {
      const cluster = clusters[Math.floor(random() * clusters.length)] as readonly number[];
      for (const row of cluster) rows.push(row);
    }
    const one = figure(rows);
    if (one !== null) drawn.push(one);
  }
  drawn.sort((a, b) => a - b);
  const at = (q: number) => drawn[Math.min(drawn.length - 1, Math.floor(q * drawn.length))] as number;
  return { value, low: at(0.025), high: at(0.975), n: all.length };
}
