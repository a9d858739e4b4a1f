import { bucketBuffer, hashNgrams, type NgramSpace } from './ngrams.ts';

/** A linear model on hashed n-grams: score = sigmoid(bias + sum of weights / sqrt(number of n-grams)). */
export interface NgramModel {
  space: NgramSpace;
  bias: number;
  /** One weight a bucket. */
  weights: ArrayLike<number>;
  /** What a weight of 1 stands for: 1 for floats, the step of the quantisation for int8. */
  step: number;
}

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Log-odds of a text; 0 n-grams give the bias. */
export function ngramLogit(model: NgramModel, text: string, buckets: Uint32Array): number {
  const count = hashNgrams(text, model.space, buckets);
  if (count === 0) return model.bias;
  let sum = 0;
  for (let i = 0; i < count; i++) sum += model.weights[buckets[i] as number] as number;
  return model.bias + (sum * model.step) / Math.sqrt(count);
}

export interface NgramExample {
  text: string;
  /** From 0 to 1: a class, or a teacher's probability. */
  target: number;
}

export interface NgramTraining {
  space: NgramSpace;
  epochs: number;
  learningRate: number;
  /** Pull of a touched weight towards 0 at each step. */
  decay: number;
  /** Order of the examples in each epoch. */
  random: () => number;
}

/** Logistic regression by Adagrad, one example a step. Same examples, same order, same weights. */
export function trainNgramModel(examples: readonly NgramExample[], training: NgramTraining): NgramModel {
  const { space, epochs, learningRate, decay, random } = training;
  const buffer = bucketBuffer();
  const features = examples.map(({ text }) => buffer.slice(0, hashNgrams(text, space, buffer)));
  const weights = new Float32Array(2 ** space.bits);
  const squares = new Float32Array(2 ** space.bits).fill(1e-4);
  const mean = examples.reduce((sum, { target }) => sum + target, 0) / examples.length;
  let bias = Math.log(mean / (1 - mean));
  let biasSquares = 1;
  const order = examples.map((_, index) => index);
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j] as number, order[i] as number];
    }
    for (const index of order) {
      const buckets = features[index] as Uint32Array;
      const scale = buckets.length === 0 ? 0 : 1 / Math.sqrt(buckets.length);
      let sum = 0;
      for (const bucket of buckets) sum += weights[bucket] as number;
      const error = sigmoid(bias + sum * scale) - (examples[index] as NgramExample).target;
      biasSquares += error * error;
      bias -= (learningRate * error) / Math.sqrt(biasSquares);
      const gradient = error * scale;
      for (const bucket of buckets) {
        const weight = weights[bucket] as number;
        const g = gradient + decay * weight;
        const total = (squares[bucket] as number) + g * g;
        squares[bucket] = total;
        weights[bucket] = weight - (learningRate * g) / Math.sqrt(total);
      }
    }
  }
  return { space, bias, weights, step: 1 };
}

/** The same model with weights of one byte: the largest weight becomes 127. */
export function quantise(model: NgramModel): NgramModel & { weights: Int8Array } {
  let largest = 0;
  for (let i = 0; i < model.weights.length; i++)
    largest = Math.max(largest, Math.abs(model.weights[i] as number));
  const step = (largest * model.step) / 127 || 1;
  const weights = Int8Array.from(model.weights, (weight) => Math.round((weight * model.step) / step));
  return { space: model.space, bias: model.bias, weights, step };
}
