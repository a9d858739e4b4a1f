import { areaUnderCurve, bootstrap, calibrationBins, calibrationError, spearman } from './evaluate.ts';
import type { CalibrationBin, Estimate } from './evaluate.ts';
import { embeddingLogit, trainEmbeddingModel, type EmbeddingModel } from './embedding-student.ts';
import { crossValidate, groupRows } from './folds.ts';
import { fitCalibration, sigmoid } from './ngram-student.ts';

export interface EmbeddingExample {
  embedding: Float32Array;
  /** From 0 to 1: a person's yes or no, or a teacher's probability. */
  target: number;
  author: string;
}

export interface EmbeddingReport {
  rows: number;
  authors: number;
  positives: number;
  ridge: number;
  auc: Estimate;
  /** Null where the target is yes or no. */
  spearman: Estimate | null;
  calibration: number;
  bins: CalibrationBin[];
}

const ridges = [0.1, 0.3, 1, 3];
const outerFolds = 10;
const innerFolds = 4;

/** Mean log loss in nats; targets may be probabilities. */
function logLoss(predicted: readonly number[], targets: readonly number[]): number {
  let sum = 0;
  targets.forEach((target, row) => {
    const p = Math.min(Math.max(predicted[row] as number, 1e-6), 1 - 1e-6);
    sum -= target * Math.log(p) + (1 - target) * Math.log(1 - p);
  });
  return sum / targets.length;
}

interface Fitted {
  ridge: number;
  bias: number;
  weights: Float32Array;
}

/**
 * Chooses the ridge and the calibration that goes with it by cross-validation over authors, then trains on all examples.
 * A strong ridge orders posts best and makes every probability too timid: so each ridge is judged after its calibration.
 */
export function fitStudent(examples: readonly EmbeddingExample[]): Fitted {
  const embeddings = examples.map(({ embedding }) => embedding);
  const targets = examples.map(({ target }) => target);
  const authors = examples.map(({ author }) => author);
  const choices = ridges.map((ridge) => {
    const logits = crossValidate(
      authors,
      innerFolds,
      (train) => {
        const model = trainEmbeddingModel(
          train.map((row) => embeddings[row] as Float32Array),
          train.map((row) => targets[row] as number),
          ridge,
        );
        return (row) => embeddingLogit(model, embeddings[row] as Float32Array);
      },
      'inner ',
    );
    const calibration = fitCalibration(Array.from(logits), targets);
    const { slope, offset } = calibration;
    const loss = logLoss(
      Array.from(logits, (x) => sigmoid(slope * x + offset)),
      targets,
    );
    return { ridge, slope, offset, loss };
  });
  const { ridge, slope, offset } = choices.reduce((best, one) => (one.loss < best.loss ? one : best));
  const model = trainEmbeddingModel(embeddings, targets, ridge);
  return { ridge, bias: model.bias * slope + offset, weights: model.weights.map((weight) => weight * slope) };
}

/**
 * Trains on all rows, since there are so few, and measures by cross-validation over authors in which ridge and
 * calibration are chosen anew inside each fold: no row is scored by a model that saw its author.
 */
export function trainOnEmbeddings(
  examples: readonly EmbeddingExample[],
  embeddingModel: string,
): { model: EmbeddingModel; report: EmbeddingReport } {
  const authors = examples.map(({ author }) => author);
  const targets = examples.map(({ target }) => target);
  const positive = targets.map((target) => target >= 0.5);
  const predicted = crossValidate(authors, outerFolds, (train) => {
    const model = fitStudent(train.map((row) => examples[row] as EmbeddingExample));
    return (row) => sigmoid(embeddingLogit(model, (examples[row] as EmbeddingExample).embedding));
  });
  const clusters = groupRows(authors);
  const isGraded = targets.some((target) => target !== 0 && target !== 1);
  const at = <T>(values: ArrayLike<T>, rows: readonly number[]) => rows.map((row) => values[row] as T);
  const { ridge, bias, weights } = fitStudent(examples);
  return {
    model: { bias, weights, embeddingModel },
    report: {
      rows: examples.length,
      authors: clusters.length,
      positives: positive.filter(Boolean).length,
      ridge,
      auc: bootstrap(clusters, (rows) => areaUnderCurve(at(predicted, rows), at(positive, rows))),
      spearman: isGraded
        ? bootstrap(clusters, (rows) => spearman(at(predicted, rows), at(targets, rows)))
        : null,
      calibration: calibrationError(predicted, targets, 5),
      bins: calibrationBins(predicted, targets, 5),
    },
  };
}
