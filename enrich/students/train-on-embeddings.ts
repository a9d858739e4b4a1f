import { areaUnderCurve, bootstrap, calibrationBins, calibrationError, spearman } from './evaluate.ts';
import type { CalibrationBin, Estimate } from './evaluate.ts';
import { embeddingLogit, trainEmbeddingModel, type EmbeddingModel } from './embedding-student.ts';
import { crossValidate, groupRows } from './folds.ts';
import { sigmoid } from './ngram-student.ts';

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

const ridges = [0.3, 1, 3, 10, 30];
const outerFolds = 10;
const innerFolds = 5;

/** Mean log loss in nats; targets may be probabilities. */
function logLoss(predicted: ArrayLike<number>, targets: readonly number[]): number {
  let sum = 0;
  targets.forEach((target, row) => {
    const p = Math.min(Math.max(predicted[row] as number, 1e-6), 1 - 1e-6);
    sum -= target * Math.log(p) + (1 - target) * Math.log(1 - p);
  });
  return sum / targets.length;
}

function fitOn(examples: readonly EmbeddingExample[], ridge: number): (embedding: Float32Array) => number {
  const model = trainEmbeddingModel(
    examples.map(({ embedding }) => embedding),
    examples.map(({ target }) => target),
    ridge,
  );
  return (embedding) => sigmoid(embeddingLogit(model, embedding));
}

/** The ridge with the least cross-validated loss. */
function chooseRidge(examples: readonly EmbeddingExample[]): number {
  const authors = examples.map(({ author }) => author);
  const targets = examples.map(({ target }) => target);
  const losses = ridges.map((ridge) =>
    logLoss(
      crossValidate(
        authors,
        innerFolds,
        (train) => {
          const score = fitOn(
            train.map((row) => examples[row] as EmbeddingExample),
            ridge,
          );
          return (row) => score((examples[row] as EmbeddingExample).embedding);
        },
        'inner',
      ),
      targets,
    ),
  );
  return ridges[losses.indexOf(Math.min(...losses))] as number;
}

/**
 * Trains on all rows, since there are so few, and measures by cross-validation over authors in which the ridge is chosen
 * anew inside each fold: no row is scored by a model that saw its author.
 */
export function trainOnEmbeddings(
  examples: readonly EmbeddingExample[],
  embeddingModel: string,
): { model: EmbeddingModel; report: EmbeddingReport } {
  const authors = examples.map(({ author }) => author);
  const targets = examples.map(({ target }) => target);
  const positive = targets.map((target) => target >= 0.5);
  const predicted = crossValidate(authors, outerFolds, (train) => {
    const seen = train.map((row) => examples[row] as EmbeddingExample);
    const score = fitOn(seen, chooseRidge(seen));
    return (row) => score((examples[row] as EmbeddingExample).embedding);
  });
  const clusters = groupRows(authors);
  const isGraded = targets.some((target) => target !== 0 && target !== 1);
  const at = <T>(values: ArrayLike<T>, rows: readonly number[]) => rows.map((row) => values[row] as T);
  const ridge = chooseRidge(examples);
  const model = trainEmbeddingModel(
    examples.map(({ embedding }) => embedding),
    targets,
    ridge,
  );
  return {
    model: { ...model, embeddingModel },
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
