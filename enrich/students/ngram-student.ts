import { fitTail, type TailFit } from './fit-tail.ts';
import { createNgramHasher, type NgramHasher, type NgramSpace } from './ngrams.ts';

/**
 * A model on hashed n-grams: log-odds = bias + whole + max(0, tail - floor), where whole and tail are each the sum of a text's
 * weights by the square root of the number of its n-grams, each n-gram once. The first orders all texts; the second, which learned
 * from the probability itself, the few that stand out.
 */
export interface NgramModel {
  space: NgramSpace;
  bias: number;
  whole: NgramWeights;
  tail: NgramWeights & { floor: number };
}

export interface NgramWeights {
  /** One weight a bucket. */
  weights: ArrayLike<number>;
  /** What a weight of 1 stands for: 1 for floats, the step of the quantisation for int8. */
  step: number;
}

/** With weights of one byte, as they are stored. */
export interface SmallNgramModel extends NgramModel {
  whole: NgramWeights & { weights: Int8Array };
  tail: NgramWeights & { weights: Int8Array; floor: number };
}

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Log-odds of a text; one without n-grams has the bias. */
export function ngramLogit(
  { bias, whole, tail }: Omit<NgramModel, 'space'>,
  text: string,
  hasher: NgramHasher,
): number {
  const count = hasher.hash(text);
  if (count === 0) return bias;
  const { buckets } = hasher;
  let sum = 0;
  let tailSum = 0;
  for (let i = 0; i < count; i++) {
    const bucket = buckets[i] as number;
    sum += whole.weights[bucket] as number;
    tailSum += tail.weights[bucket] as number;
  }
  const scale = 1 / Math.sqrt(count);
  return bias + sum * whole.step * scale + Math.max(0, tailSum * tail.step * scale - tail.floor);
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
  /** How the tail is fitted, what a probability of 1 above the mean adds to the log-odds, and which height adds nothing. */
  tail: TailFit & { gain: number; floor: number };
  /** Order of the examples in each epoch. */
  random: () => number;
}

const logit = (p: number): number => Math.log(p / (1 - p));
/** Targets nearer to 0 or 1 than this are taken as this where log-odds count. */
const extreme = 0.01;
/** Log-odds by which a target may miss before it pulls no harder. */
const largestMiss = 1.5;

/**
 * The whole by logistic regression with Adagrad, one example a step, its weights the mean over the second half of the epochs; the
 * tail by least squares. Same examples and same order give the same weights.
 */
export function trainNgramModel(examples: readonly NgramExample[], training: NgramTraining): NgramModel {
  const { space, epochs, learningRate, decay, logOddsShare, tail, random } = training;
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
    whole: { weights: Float32Array.from(sums, (sum) => sum / averaged), step: 1 },
    tail: {
      weights: fitTail(features, targets, 2 ** space.bits, tail),
      step: tail.gain,
      floor: tail.gain * tail.floor,
    },
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
export function calibrate(
  { space, bias, whole, tail }: NgramModel,
  { slope, offset }: Calibration,
): NgramModel {
  return {
    space,
    bias: bias * slope + offset,
    whole: { ...whole, step: whole.step * slope },
    tail: { ...tail, step: tail.step * slope, floor: tail.floor * slope },
  };
}

/** Weights of one byte: the largest becomes 127. */
function quantiseWeights({ weights, step }: NgramWeights): NgramWeights & { weights: Int8Array } {
  let largest = 0;
  for (let i = 0; i < weights.length; i++) largest = Math.max(largest, Math.abs(weights[i] as number));
  const newStep = (largest * step) / 127 || 1;
  return {
    weights: Int8Array.from(weights, (weight) => Math.round((weight * step) / newStep)),
    step: newStep,
  };
}

/** The same model with weights of one byte. */
export function quantise({ space, bias, whole, tail }: NgramModel): SmallNgramModel {
  return {
    space,
    bias,
    whole: quantiseWeights(whole),
    tail: { ...quantiseWeights(tail), floor: tail.floor },
  };
}
