import { readFileSync } from 'node:fs';
import { parseCsv } from './csv.ts';
import {
  areaUnderCurve,
  bootstrap,
  calibrationBins,
  calibrationError,
  spearman,
  type CalibrationBin,
  type Estimate,
} from './evaluate.ts';
import { fitNgrams } from './fit-ngrams.ts';
import { splitByHash } from './folds.ts';
import { createNgramHasher, prepareText, starterSpace } from './ngrams.ts';
import { ngramLogit, sigmoid, type SmallNgramModel } from './ngram-student.ts';

export interface ToxicReport {
  trained: number;
  heldOut: number;
  teacherSpearman: Estimate;
  teacherAuc: Estimate;
  teacherCalibration: number;
  bins: CalibrationBin[];
  humanAuc: Estimate;
  humanPositives: number;
  tweetsAuc: Estimate;
  pilotSpearman: Estimate;
  pilotAuc: Estimate;
}

export interface Comment {
  text: string;
  teacher: number;
  human: boolean;
}

/** One part in five is held out, by the hash of the prepared text: duplicates fall on the same side. */
const heldOutParts = 5;

export function readComments(file: string): { train: Comment[]; heldOut: Comment[] } {
  const rows = parseCsv(readFileSync(file, 'utf8'))
    .filter((row) => row['text'] && row['api_toxicity'])
    .map((row) => ({
      text: row['text'] as string,
      teacher: Number(row['api_toxicity']),
      human: row['human_toxic'] === '1',
    }));
  const isHeldOut = (row: Comment) => splitByHash(prepareText(row.text), heldOutParts) === 0;
  return { train: rows.filter((row) => !isHeldOut(row)), heldOut: rows.filter(isHeldOut) };
}

/** Trains the committed model: the same comments give the same weights. */
export function fitToxic(train: readonly Comment[]): SmallNgramModel {
  const examples = train.map(({ text, teacher }) => ({ text, target: teacher }));
  return fitNgrams(examples, ({ text }) => prepareText(text));
}

/** Trains on four fifths of the comments and measures what is committed (int8, not the floats) on everything else. */
export function trainToxic(files: { comments: string; tweets: string; pilot: string }): {
  model: SmallNgramModel;
  report: ToxicReport;
} {
  const { train, heldOut } = readComments(files.comments);
  const model = fitToxic(train);
  const hasher = createNgramHasher(starterSpace);
  const scoreAll = (texts: string[]) => texts.map((text) => sigmoid(ngramLogit(model, text, hasher)));
  const each = (rows: ArrayLike<unknown>) => Array.from({ length: rows.length }, (_, i) => [i]);
  const auc = (scores: number[], positive: boolean[]) =>
    bootstrap(
      each(scores),
      (rows) =>
        areaUnderCurve(
          rows.map((i) => scores[i] as number),
          rows.map((i) => positive[i] as boolean),
        ),
      scores.length > 10_000 ? 200 : 1000, // with so many rows the interval is narrow, and each draw slow
    );
  const rho = (scores: number[], teacher: number[]) =>
    bootstrap(each(scores), (rows) =>
      spearman(
        rows.map((i) => scores[i] as number),
        rows.map((i) => teacher[i] as number),
      ),
    );
  const scores = scoreAll(heldOut.map(({ text }) => text));
  const teacher = heldOut.map((row) => row.teacher);
  const human = heldOut.map((row) => row.human);
  const tweets = parseCsv(readFileSync(files.tweets, 'utf8')).filter((row) => row['tweet']);
  const tweetScores = scoreAll(tweets.map((row) => row['tweet'] as string));
  const pilot = parseCsv(readFileSync(files.pilot, 'utf8')).filter((row) => row['prob_toxic']);
  const pilotScores = scoreAll(pilot.map((row) => row['text'] ?? ''));
  const pilotTeacher = pilot.map((row) => Number(row['prob_toxic']));
  return {
    model,
    report: {
      trained: train.length,
      heldOut: heldOut.length,
      teacherSpearman: rho(scores, teacher),
      teacherAuc: auc(
        scores,
        teacher.map((p) => p >= 0.5),
      ),
      teacherCalibration: calibrationError(scores, teacher),
      bins: calibrationBins(scores, teacher),
      humanAuc: auc(scores, human),
      humanPositives: human.filter(Boolean).length,
      tweetsAuc: auc(
        tweetScores,
        tweets.map((row) => row['class'] !== '2'),
      ),
      pilotSpearman: rho(pilotScores, pilotTeacher),
      pilotAuc: auc(
        pilotScores,
        pilotTeacher.map((p) => p >= 0.5),
      ),
    },
  };
}
