import { newRunId } from '../../ops/telemetry/index.ts';
import type { Config } from '../../ops/config/index.ts';
import { createProgress } from '../../ops/progress/index.ts';
import { askBatch } from '../ask.ts';
import { openEmbedder, type Embedder } from '../embeddings/embedder.ts';
import { enrichErrors } from '../errors.ts';
import type { Answer, Labeler, QueuedPost } from '../labeler.ts';
import { labelers as allLabelers } from '../labelers/index.ts';
import { areaUnderCurve, bootstrap, type Estimate } from '../students/evaluate.ts';
import { groupRows } from '../students/folds.ts';
import { readGold, type GoldColumns } from './gold.ts';

export interface EvaluateOptions {
  config: Config;
  labeler: string;
  /** CSV of people's answers. */
  gold: string;
  columns?: GoldColumns;
  /** Label that is judged; the labeler's first by default. */
  label?: string;
  /** A score as high as this is a yes; 0.5 by default. */
  threshold?: number;
  /** Recall that must be reached; 0.8 by default. */
  minRecall?: number;
  postsPerPrompt?: number;
  signal?: AbortSignal;
  known?: readonly Labeler[];
}

export interface Evaluation {
  labeler: string;
  version: string;
  label: string;
  threshold: number;
  rows: number;
  positives: number;
  /** Rows without a score; they count as a no, since that is what they come to. */
  unanswered: number;
  truePositives: number;
  falsePositives: number;
  falseNegatives: number;
  trueNegatives: number;
  /** Null where nothing was said to be positive. */
  precision: Estimate | null;
  recall: Estimate;
  f1: Estimate;
  /** Null where the labeler says only yes and no. */
  auc: Estimate | null;
  minRecall: number;
  /** Whether recall, not its interval, reaches the gate. */
  passed: boolean;
  /** What must be said of these figures, such as that a fake answered; null where they are a measurement. */
  caveat: string | null;
}

/**
 * Asks a labeler about posts that people have judged, and compares. Intervals are 95%, by bootstrap over authors.
 * @throws FeedtrialError FT_ENRICH_UNKNOWN_LABELER, FT_EVAL_GOLD, and the labeler's own
 */
export async function evaluateLabeler(options: EvaluateOptions): Promise<Evaluation> {
  const { config, threshold = 0.5, minRecall = 0.8, known = allLabelers } = options;
  const { signal = new AbortController().signal, postsPerPrompt } = options;
  const labeler = known.find((one) => one.name === options.labeler);
  if (labeler === undefined)
    throw enrichErrors.unknownLabeler(
      options.labeler,
      known.map((one) => one.name),
    );
  const reason = labeler.notReady?.(config) ?? null;
  if (reason !== null) throw reason;
  const label = options.label ?? labeler.labels[0];
  if (label === undefined || !labeler.labels.includes(label))
    throw enrichErrors.noSuchLabel(labeler.name, label ?? 'none', labeler.labels);
  const gold = readGold(options.gold, options.columns);
  const posts = gold.map(({ text }, i): QueuedPost => ({
    uri: `at://did:example:gold/app.bsky.feed.post/${i}`,
    cid: 'gold',
    did: 'did:example:gold',
    text,
    attempt: 1,
    embedding: null,
  }));

  let loading: Promise<Embedder> | null = null;
  const open = await labeler.open({
    config,
    runId: newRunId(Date.now()),
    postsPerPrompt,
    embedder: () => (loading ??= openEmbedder(config)),
  });
  const answers = new Array<Answer>(posts.length);
  const progress = createProgress({ label: `eval ${labeler.name}`, total: posts.length, unit: 'posts' });
  let caveat: string | null;
  try {
    const size = labeler.postsPerAsk?.({ postsPerPrompt }) ?? labeler.batchSize;
    const workers =
      typeof labeler.concurrency === 'number' ? labeler.concurrency : labeler.concurrency(config);
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < posts.length) {
        const from = next;
        next += size;
        const asked = posts.slice(from, from + size);
        (await askBatch(open, asked, signal)).forEach((answer, i) => (answers[from + i] = answer));
        progress.advance(asked.length);
      }
    };
    await Promise.all(Array.from({ length: Math.min(workers, posts.length) }, work));
    caveat = open.caveat?.() ?? null;
  } finally {
    await open.close();
    await (loading as Promise<Embedder> | null)?.then((one) => one.close()).catch(() => undefined);
    progress.done();
  }

  const scores = answers.map((answer) =>
    answer.status === 'ok' && 'values' in answer
      ? (answer.values.find((value) => value.label === label)?.score ?? null)
      : null,
  );
  const said = scores.map((score) => score !== null && score >= threshold);
  const count = (rows: readonly number[], is: boolean, saidSo: boolean): number =>
    rows.filter((i) => gold[i]?.positive === is && said[i] === saidSo).length;
  const over = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
  const recallOf = (rows: readonly number[]) =>
    over(count(rows, true, true), count(rows, true, true) + count(rows, true, false));
  const precisionOf = (rows: readonly number[]) =>
    over(count(rows, true, true), count(rows, true, true) + count(rows, false, true));
  const f1Of = (rows: readonly number[]) => {
    const hits = 2 * count(rows, true, true);
    return over(hits, hits + count(rows, true, false) + count(rows, false, true));
  };
  const all = posts.map((_, i) => i);
  const clusters = groupRows(gold.map(({ cluster }) => cluster));
  const recall = bootstrap(clusters, recallOf);
  const graded = scores.some((score) => score !== null && score !== 0 && score !== 1);
  return {
    labeler: labeler.name,
    version: await labeler.version(config),
    label,
    threshold,
    rows: gold.length,
    positives: gold.filter((row) => row.positive).length,
    unanswered: scores.filter((score) => score === null).length,
    truePositives: count(all, true, true),
    falsePositives: count(all, false, true),
    falseNegatives: count(all, true, false),
    trueNegatives: count(all, false, false),
    precision: precisionOf(all) === null ? null : bootstrap(clusters, precisionOf),
    recall,
    f1: bootstrap(clusters, f1Of),
    auc: graded
      ? bootstrap(clusters, (rows) =>
          areaUnderCurve(
            rows.map((i) => scores[i] ?? 0),
            rows.map((i) => gold[i]?.positive ?? false),
          ),
        )
      : null,
    minRecall,
    passed: recall.value >= minRecall,
    caveat,
  };
}
