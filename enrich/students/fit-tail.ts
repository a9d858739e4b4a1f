export interface TailFit {
  /** An n-gram of fewer texts than this has no weight. */
  minTexts: number;
  /** Ridge, as a share of the mean squared length of a text's features. */
  ridge: number;
  /** Steps of the conjugate gradient at most. */
  steps: number;
}

/** Relative residual at which the equations count as solved. */
const solved = 1e-3;

const dot = (a: Float64Array, b: Float64Array): number =>
  a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);

/**
 * Least squares with a ridge, n-grams of few texts counting more (by their inverse document frequency): unlike a loss on log-odds it
 * spends its weights on the few texts whose target is far above the others. Solved in the dual, one unknown a text, by
 * conjugate gradients: the same texts give the same weights.
 * @param texts the buckets of each text, each once
 * @param targets from 0 to 1
 * @returns one weight a bucket; their sum over a text's buckets, by the square root of their number, is its target less the mean
 */
export function fitTail(
  texts: readonly Uint32Array[],
  targets: readonly number[],
  buckets: number,
  { minTexts, ridge, steps }: TailFit,
): Float32Array {
  const frequency = new Uint32Array(buckets);
  for (const text of texts) for (const bucket of text) frequency[bucket] = (frequency[bucket] as number) + 1;
  // those that have a weight, numbered without gaps: a small table stays in the processor's cache
  const kept: number[] = [];
  frequency.forEach((count, bucket) => {
    if (count >= minTexts) kept.push(bucket);
  });
  const numberOf = new Int32Array(buckets).fill(-1);
  kept.forEach((bucket, number) => (numberOf[bucket] = number));
  const squaredIdf = Float64Array.from(
    kept,
    (bucket) => (1 + Math.log((1 + texts.length) / (1 + (frequency[bucket] as number)))) ** 2,
  );
  const features = texts.map((text) =>
    Int32Array.from(text, (bucket) => numberOf[bucket] as number).filter((number) => number >= 0),
  );
  const scales = texts.map((text) => (text.length === 0 ? 0 : 1 / Math.sqrt(text.length)));
  const squaredLengths = features.map(
    (numbers, i) =>
      numbers.reduce((sum, number) => sum + (squaredIdf[number] as number), 0) * (scales[i] as number) ** 2,
  );
  const penalty = (ridge * squaredLengths.reduce((sum, one) => sum + one, 0)) / texts.length || 1;

  /** Weight of each n-gram, where each text pulls those that it has by its unknown. */
  const weightsOf = (unknowns: Float64Array): Float64Array => {
    const weights = new Float64Array(kept.length);
    features.forEach((numbers, i) => {
      const pull = (unknowns[i] as number) * (scales[i] as number);
      for (const number of numbers) weights[number] = (weights[number] as number) + pull;
    });
    return weights.map((weight, number) => weight * (squaredIdf[number] as number));
  };
  /** Left side of the equations: (features x features^T + penalty) x unknowns. */
  const leftSide = (unknowns: Float64Array): Float64Array => {
    const weights = weightsOf(unknowns);
    return Float64Array.from(features, (numbers, i) => {
      let sum = 0;
      for (const number of numbers) sum += weights[number] as number;
      return sum * (scales[i] as number) + penalty * (unknowns[i] as number);
    });
  };

  const mean = targets.reduce((sum, target) => sum + target, 0) / targets.length;
  const unknowns = new Float64Array(texts.length);
  const residual = Float64Array.from(targets, (target) => target - mean);
  const direction = residual.slice();
  let squares = dot(residual, residual);
  const enough = squares * solved ** 2;
  for (let step = 0; step < steps && squares > enough; step++) {
    const image = leftSide(direction);
    const length = squares / dot(direction, image);
    for (let i = 0; i < unknowns.length; i++) {
      unknowns[i] = (unknowns[i] as number) + length * (direction[i] as number);
      residual[i] = (residual[i] as number) - length * (image[i] as number);
    }
    const before = squares;
    squares = dot(residual, residual);
    for (let i = 0; i < direction.length; i++)
      direction[i] = (residual[i] as number) + (squares / before) * (direction[i] as number);
  }
  const weights = new Float32Array(buckets);
  weightsOf(unknowns).forEach((weight, number) => (weights[kept[number] as number] = weight));
  return weights;
}
