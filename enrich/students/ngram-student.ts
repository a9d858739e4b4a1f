import { createNgramHasher, type NgramHasher, type NgramSpace } from './ngrams.ts';

/** A linear model on hashed n-grams: score = sigmoid(bias + sum of weights / sqrt(number of n-grams)), each n-gram once. */
export interface NgramModel {
  space: NgramSpace;
  bias: number;
  /** One weight a bucket. */
  weights: ArrayLike<number>;
  /** What a weight of 1 stands for: 1 for floats, the step of the quantisation for int8. */
  step: number;
}

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Log-odds of a text; one without n-grams has the bias. */
export function ngramLogit(model: Omit<NgramModel, 'space'>, text: string, hasher: NgramHasher): number {
  const count = hasher.hash(text);
  if (count === 0) return model.bias;
  const { buckets } = hasher;
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
  /**
   * Share of the loss that is on log-odds instead of probabilities. Most posts have a small probability; without it their
   * order among each other hardly counts.
   */
  logOddsShare: number;
  /** Order of the examples in each epoch. */
  random: () => number;
}

const logit = (p: number): number => Math.log(p / (1 - p));
/** Targets nearer to 0 or 1 than this are taken as this where log-odds count. */
const extreme = 0.01;
/** Log-odds by which a target may miss before it pulls no harder. */
const largestMiss = 1.5;

/**
 * Logistic regression by Adagrad, one example a step; the weights are the mean over the second half of the epochs. Same
 * examples and same order give the same weights.
 */
export function trainNgramModel(examples: readonly NgramExample[], training: NgramTraining): NgramModel {
  const { space, epochs, learningRate, decay, logOddsShare, random } = training;
  const hasher = createNgramHasher(space);
  const features = examples.map(({ text }) => hasher.buckets.slice(0, hasher.hash(text)));
  const targets = examples.map(({ target }) => target);
  const odds = targets.map((target) => logit(Math.min(Math.max(target, extreme), 1 - extreme)));
  const weights = new Float32Array(2 ** space.bits);
  const squares = new Float32Array(2 ** space.bits).fill(0.01);
  const sums = new Float64Array(2 ** space.bits);
  let bias = logit(targets.reduce((sum, target) => sum + target, 0) / targets.length);
  let biasSquares = 1;
  let biasSum = 0;
  let averaged = 0;
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
      const predicted = bias + sum * scale;
      const miss = Math.max(-largestMiss, Math.min(largestMiss, predicted - (odds[index] as number)));
      const error = sigmoid(predicted) - (targets[index] as number) + logOddsShare * miss;
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
    if (epoch >= epochs >> 1) {
      averaged++;
      biasSum += bias;
      for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (weights[i] as number);
    }
  }
  return {
    space,
    bias: biasSum / averaged,
    weights: Float32Array.from(sums, (sum) => sum / averaged),
    step: 1,
  };
}

/** Straight line on the log-odds: what was `x` becomes `slope * x + offset`. */
export interface Calibration {
  slope: number;
  offset: number;
}

/** The line with the least log loss on rows that the model was not trained on (Platt's), by Newton's method. */
export function fitCalibration(logits: readonly number[], targets: readonly number[]): Calibration {
  let slope = 1;
  let offset = 0;
  for (let step = 0; step < 50; step++) {
    let [g0, g1, h00, h01, h11] = [0, 0, 1e-9, 0, 1e-9];
    logits.forEach((x, i) => {
      const p = sigmoid(slope * x + offset);
      const error = p - (targets[i] as number);
      const curve = p * (1 - p);
      g0 += error;
      g1 += error * x;
      h00 += curve;
      h01 += curve * x;
      h11 += curve * x * x;
    });
    const determinant = h00 * h11 - h01 * h01;
    offset -= (h11 * g0 - h01 * g1) / determinant;
    slope -= (h00 * g1 - h01 * g0) / determinant;
  }
  return { slope, offset };
}

/** The same order of texts, with calibrated probabilities. */
export function calibrate(model: NgramModel, { slope, offset }: Calibration): NgramModel {
  return { ...model, bias: model.bias * slope + offset, step: model.step * slope };
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
