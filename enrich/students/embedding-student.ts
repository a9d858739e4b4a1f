import { sigmoid } from './ngram-student.ts';

/** Logistic regression on the sentence embedding: score = sigmoid(bias + weights . embedding). */
export interface EmbeddingModel {
  /** sha256 of the sentence model whose embeddings it reads. */
  embeddingModel: string;
  bias: number;
  weights: Float32Array;
}

/** Log-odds of an embedding. */
export function embeddingLogit(
  model: { bias: number; weights: ArrayLike<number> },
  embedding: Float32Array,
): number {
  let sum = model.bias;
  for (let d = 0; d < embedding.length; d++) sum += (model.weights[d] as number) * (embedding[d] as number);
  return sum;
}

/**
 * Logistic regression with a ridge, by gradient descent with Nesterov's momentum from zero: a few hundred rows and a
 * convex loss, so it needs no better. The bias is not pulled.
 * @param targets from 0 to 1: a class, or a teacher's probability
 * @param ridge pull of each weight towards 0, in units of one row's loss
 */
export function trainEmbeddingModel(
  embeddings: readonly Float32Array[],
  targets: readonly number[],
  ridge: number,
  steps = 200,
): { bias: number; weights: Float32Array } {
  const rows = embeddings.length;
  const dimensions = embeddings[0]?.length ?? 0;
  // embeddings have unit length: the loss bends by at most (1 + 1) / 4 a row, and ridge / rows
  const rate = 1 / (0.5 + ridge / rows);
  let weights = new Float64Array(dimensions);
  let ahead = new Float64Array(dimensions);
  const mean = targets.reduce((sum, target) => sum + target, 0) / rows;
  let bias = Math.log(mean / (1 - mean));
  let biasAhead = bias;
  for (let step = 0; step < steps; step++) {
    const gradient = new Float64Array(dimensions);
    let biasGradient = 0;
    for (let row = 0; row < rows; row++) {
      const embedding = embeddings[row] as Float32Array;
      const error =
        sigmoid(embeddingLogit({ bias: biasAhead, weights: ahead }, embedding)) - (targets[row] as number);
      biasGradient += error;
      for (let d = 0; d < dimensions; d++)
        gradient[d] = (gradient[d] as number) + error * (embedding[d] as number);
    }
    const next = ahead.map(
      (weight, d) => weight - (rate * ((gradient[d] as number) + ridge * weight)) / rows,
    );
    const nextBias = biasAhead - (rate * biasGradient) / rows;
    const momentum = step / (step + 3);
    ahead = next.map((weight, d) => weight + momentum * (weight - (weights[d] as number)));
    biasAhead = nextBias + momentum * (nextBias - bias);
    weights = next;
    bias = nextBias;
  }
  return { bias, weights: Float32Array.from(weights) };
}
