import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  openEngine,
  openLake,
  readTable,
  sqlText,
  tables,
  type Engine,
  type Lake,
} from '../../lake/index.ts';
import type { Config } from '../../ops/config/index.ts';
import { createProgress } from '../../ops/progress/index.ts';
import { openEmbedder, type Embedder } from '../embeddings/embedder.ts';
import { enrichErrors } from '../errors.ts';
import { readGold } from '../evaluate/gold.ts';
import { openQueue } from '../queue.ts';
import { studentCard } from './cards.ts';
import { embeddingLogit } from './embedding-student.ts';
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
import { groupRows } from './folds.ts';
import { ngramLogit, sigmoid } from './ngram-student.ts';
import { createNgramHasher } from './ngrams.ts';
import { splitByAuthorAndTime } from './split.ts';
import { starterFile, studentFile } from './starter.ts';
import { fitStudent } from './train-on-embeddings.ts';
import {
  decodeEmbeddingStudent,
  decodeNgramStudent,
  encodeEmbeddingStudent,
  encodeNgramStudent,
} from './weights-file.ts';

/** A student that can be distilled: what it gives, from whom, and on what. */
export interface StudentPlan {
  label: string;
  labeler: string;
  kind: 'n-grams' | 'embeddings';
  teacher: { labeler: string; label: string };
}

/** The starter for `constructive` learned another score; the one that follows the study's is `reasoning`. */
export const studentPlans: readonly StudentPlan[] = [
  {
    label: 'toxic',
    labeler: 'student_toxicity',
    kind: 'n-grams',
    teacher: { labeler: 'perspective', label: 'TOXICITY' },
  },
  {
    label: 'reasoning',
    labeler: 'student_reasoning',
    kind: 'embeddings',
    teacher: { labeler: 'perspective', label: 'REASONING' },
  },
  {
    label: 'moral_outrage',
    labeler: 'student_moral_outrage',
    kind: 'embeddings',
    teacher: { labeler: 'perspective', label: 'MORAL_OUTRAGE' },
  },
  {
    label: 'sociopolitical',
    labeler: 'student_sociopolitical',
    kind: 'embeddings',
    teacher: { labeler: 'llm_sociopolitical', label: 'sociopolitical' },
  },
];

export interface StudentReport {
  trained: number;
  heldOut: number;
  heldOutAuthors: number;
  /** Teacher's version. */
  teacherVersion: string;
  /** Null where the teacher says yes or no. */
  spearman: Estimate | null;
  /** Against teacher >= 0.5; null where all are on one side. */
  auc: Estimate | null;
  calibration: number;
  bins: CalibrationBin[];
  /** Against people, on the gold file; null without one. */
  people: Estimate | null;
  /** By how much it is better than the one in place, on the same rows; null where there is none. */
  gain: Estimate | null;
}

export interface TrainStudentOptions {
  config: Config;
  label: string;
  /** Parquet of the lake with training_examples. */
  examples: string;
  teacher?: { labeler: string; label: string };
  /** CSV of people's answers: text, label, and author or uri where they are known. */
  gold?: string;
  /** Replace a student that is better. */
  force?: boolean;
  /** Where weights and card go; FEEDTRIAL_STUDENTS by default. */
  out?: string;
}

export interface StudentTrained {
  label: string;
  labeler: string;
  version: string;
  file: string;
  report: StudentReport;
}

interface Example {
  did: string;
  text: string;
  eventUs: number;
  target: number;
  version: string;
  embedding: Float32Array | null;
}

/** Fewer say too little to train on, or to measure on. */
const fewest = { train: 400, heldOut: 50 };
/** The newest so many posts; more make a linear model no better and training slow. */
const mostRows = { 'n-grams': 100_000, embeddings: 15_000 };

async function readExamples(
  lake: Lake,
  engine: Engine,
  { examples }: TrainStudentOptions,
  plan: StudentPlan,
  embeddingModel: string | null,
): Promise<Example[]> {
  const hasEmbeddings =
    embeddingModel !== null &&
    (await lake.list(tables.embeddings.folder)).some((file) => file.path.endsWith('.parquet'));
  const stored = hasEmbeddings
    ? `(SELECT uri, cid, any_value(embedding) AS embedding FROM ${readTable(lake, tables.embeddings)}
        WHERE version = ${sqlText(embeddingModel)} GROUP BY uri, cid)`
    : "(SELECT '' AS uri, '' AS cid, CAST(NULL AS FLOAT[]) AS embedding WHERE false)";
  const rows = await engine.rows<{
    did: string;
    post_text: string;
    event_us: bigint;
    score: number;
    version: string;
    embedding: number[] | null;
  }>(`
    SELECT taught.did, taught.text AS post_text, taught.event_us, taught.score, taught.version, stored.embedding
    FROM read_parquet(${sqlText(lake.uri(examples))}) AS taught
    LEFT JOIN ${stored} AS stored ON stored.uri = taught.uri AND stored.cid = taught.cid
    WHERE taught.labeler = ${sqlText(plan.teacher.labeler)} AND taught.source_label = ${sqlText(plan.teacher.label)}
    ORDER BY taught.event_us DESC, taught.uri LIMIT ${mostRows[plan.kind]}`);
  return rows.map((row) => ({
    did: row.did,
    text: row.post_text,
    eventUs: Number(row.event_us),
    target: row.score,
    version: row.version,
    embedding: row.embedding === null ? null : Float32Array.from(row.embedding),
  }));
}

type Score = (texts: readonly string[], embeddings: readonly (Float32Array | null)[]) => Promise<number[]>;

/** Scores by n-gram weights. */
function ngramScore(model: ReturnType<typeof decodeNgramStudent>): Score {
  const hasher = createNgramHasher(model.space);
  return async (texts) => texts.map((text) => sigmoid(ngramLogit(model, text, hasher)));
}

/** Scores by weights on embeddings; texts without a stored one are embedded. */
function embeddingScore(model: ReturnType<typeof decodeEmbeddingStudent>, embedder: Embedder): Score {
  return async (texts, embeddings) => {
    const missing = texts.flatMap((_, i) => (embeddings[i] ? [] : [i]));
    const computed = await embedder.embed(missing.map((i) => texts[i] as string));
    const found = [...embeddings];
    missing.forEach((i, at) => (found[i] = computed[at] as Float32Array));
    return found.map((embedding) => sigmoid(embeddingLogit(model, embedding as Float32Array)));
  };
}

function planOf(label: string): StudentPlan {
  const plan = studentPlans.find((one) => one.label === label);
  if (plan) return plan;
  throw enrichErrors.unknownStudent(
    label,
    studentPlans.map((one) => one.label),
  );
}

/**
 * Says before the models are run whether there is such a student, and anything to learn from.
 * @throws FeedtrialError FT_TRAIN_UNKNOWN (exit 2), FT_TRAIN_NOTHING
 */
export async function checkTrainable(label: string, config: Pick<Config, 'lake'>): Promise<void> {
  planOf(label);
  if ((await openQueue(openLake(config.lake))) === null) throw enrichErrors.nothingLabelled();
}

/**
 * Distils a student from what its teacher has said of posts in the lake. It is measured, as it will be written, on posts
 * that are later than all it learned from, by authors of whom it saw nothing; and beside the student that is in place, on
 * the same posts, whose successor it is only if it is better.
 * @throws FeedtrialError FT_TRAIN_UNKNOWN, FT_TRAIN_TOO_FEW, FT_TRAIN_NOT_BETTER (exit 4)
 */
export async function trainStudent(options: TrainStudentOptions): Promise<StudentTrained> {
  const { config, label, gold, force = false, out = config.studentsFolder } = options;
  const plan = { ...planOf(label), ...(options.teacher ? { teacher: options.teacher } : {}) };
  const lake = openLake(config.lake);
  const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
  const progress = createProgress({ label: `train student ${label}` });
  const embedder = plan.kind === 'embeddings' ? await openEmbedder(config) : null;
  try {
    progress.note('reading examples');
    const examples = await readExamples(lake, engine, options, plan, embedder?.version ?? null);
    const { train, heldOut } = splitByAuthorAndTime(examples);
    if (train.length < fewest.train || heldOut.length < fewest.heldOut)
      throw enrichErrors.tooFewExamples(plan.teacher, examples.length, train.length, heldOut.length, fewest);

    progress.note(`training on ${train.length} posts`);
    let text: string;
    let score: Score;
    if (embedder === null) {
      text = encodeNgramStudent(
        label,
        fitNgrams(train, ({ did }) => did),
      );
      score = ngramScore(decodeNgramStudent(label, text));
    } else {
      const missing = train.filter((row) => row.embedding === null);
      const computed = await embedder.embed(missing.map((row) => row.text));
      missing.forEach((row, i) => (row.embedding = computed[i] as Float32Array));
      const { bias, weights } = fitStudent(
        train.map((row) => ({
          embedding: row.embedding as Float32Array,
          target: row.target,
          author: row.did,
        })),
      );
      text = encodeEmbeddingStudent(label, { bias, weights, embeddingModel: embedder.version });
      score = embeddingScore(decodeEmbeddingStudent(label, text), embedder);
    }

    progress.note(`measuring on ${heldOut.length} posts`);
    const targets = heldOut.map(({ target }) => target);
    const scoresOf = (by: Score): Promise<number[]> =>
      by(
        heldOut.map((row) => row.text),
        heldOut.map((row) => row.embedding),
      );
    const scores = await scoresOf(score);
    const clusters = groupRows(heldOut.map(({ did }) => did));
    const isGraded = targets.some((target) => target !== 0 && target !== 1);
    const at = <T>(values: readonly T[], rows: readonly number[]): T[] => rows.map((row) => values[row] as T);
    const positive = targets.map((target) => target >= 0.5);
    const figureOf = (of: readonly number[]) => (rows: readonly number[]) =>
      isGraded ? spearman(at(of, rows), at(targets, rows)) : areaUnderCurve(at(of, rows), at(positive, rows));
    const orNull = (figure: (rows: readonly number[]) => number | null): Estimate | null =>
      figure(clusters.flat()) === null ? null : bootstrap(clusters, figure);

    const inPlace = existsSync(starterFile(label, out))
      ? starterFile(label, out)
      : studentFile(label, config);
    let gain: Estimate | null = null;
    if (inPlace !== null) {
      const old = readFileSync(inPlace, 'utf8');
      const before = await scoresOf(
        embedder === null
          ? ngramScore(decodeNgramStudent(inPlace, old))
          : embeddingScore(decodeEmbeddingStudent(inPlace, old), embedder),
      );
      gain = orNull((rows) => {
        const [now, then] = [figureOf(scores)(rows), figureOf(before)(rows)];
        return now === null || then === null ? null : now - then;
      });
    }
    let people: Estimate | null = null;
    if (gold !== undefined) {
      const rows = readGold(gold);
      const said = await score(
        rows.map((row) => row.text),
        rows.map(() => null),
      );
      people = bootstrap(groupRows(rows.map(({ cluster }) => cluster)), (of) =>
        areaUnderCurve(
          at(said, of),
          at(
            rows.map((row) => row.positive),
            of,
          ),
        ),
      );
    }
    const report: StudentReport = {
      trained: train.length,
      heldOut: heldOut.length,
      heldOutAuthors: clusters.length,
      teacherVersion: [...new Set(examples.map(({ version }) => version))].join(', '),
      spearman: isGraded ? orNull(figureOf(scores)) : null,
      auc: orNull((rows) => areaUnderCurve(at(scores, rows), at(positive, rows))),
      calibration: calibrationError(scores, targets, 5),
      bins: calibrationBins(scores, targets, 5),
      people,
      gain,
    };
    if (gain !== null && gain.value <= 0 && !force)
      throw enrichErrors.notBetter(label, isGraded ? 'Spearman' : 'AUC', gain, heldOut.length);

    const version = createHash('sha256').update(text).digest('hex');
    await mkdir(out, { recursive: true });
    const put = async (file: string, content: string): Promise<void> => {
      await writeFile(`${file}.tmp`, content);
      await rename(`${file}.tmp`, file);
    };
    await put(path.join(out, `${label}.md`), studentCard(plan, version, report));
    await put(starterFile(label, out), text);
    progress.done();
    return { label, labeler: plan.labeler, version, file: starterFile(label, out), report };
  } finally {
    await embedder?.close();
    await engine.close();
  }
}
