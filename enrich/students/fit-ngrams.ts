import { seededRandom } from './evaluate.ts';
import { splitByHash } from './folds.ts';
import {
  calibrate,
  fitCalibration,
  ngramLogit,
  quantise,
  trainNgramModel,
  type NgramExample,
  type NgramModel,
  type SmallNgramModel,
} from './ngram-student.ts';
import { createNgramHasher, starterSpace } from './ngrams.ts';

/** Chosen by cross-validation in four folds inside the training part of the comments that the starter learned from. */
const training = {
  space: starterSpace,
  epochs: 12,
  learningRate: 0.3,
  decay: 1e-3,
  logOddsShare: 0.2,
  tail: { minTexts: 2, ridge: 0.1, steps: 60, gain: 8, floor: 0.03 },
};
/** One part in so many is set aside to calibrate on. */
const calibrationParts = 8;

/**
 * Trains n-gram weights of one byte, calibrated: the same examples give the same weights. The calibration needs rows that
 * its model was not trained on; the model that is returned is then trained on those as well.
 * @param groupOf rows of a group, such as those of an author, are set aside together
 */
export function fitNgrams<Row extends NgramExample>(
  rows: readonly Row[],
  groupOf: (row: Row) => string,
): SmallNgramModel {
  const fit = (some: readonly Row[]): NgramModel =>
    trainNgramModel(some, { ...training, random: seededRandom(7) });
  const isAside = (row: Row): boolean => splitByHash(`calibrate ${groupOf(row)}`, calibrationParts) === 0;
  const aside = rows.filter(isAside);
  const probe = fit(rows.filter((row) => !isAside(row)));
  const hasher = createNgramHasher(training.space);
  const calibration = fitCalibration(
    aside.map(({ text }) => ngramLogit(probe, text, hasher)),
    aside.map(({ target }) => target),
  );
  return quantise(calibrate(fit(rows), calibration));
}
