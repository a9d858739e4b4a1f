import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine, Lake } from '../lake/index.ts';
import type { Config } from '../ops/config/index.ts';
import { EXIT, FeedtrialError, describeError } from '../ops/errors/index.ts';
import { createProgress } from '../ops/progress/index.ts';
import { askBatch } from './ask.ts';
import { enrichErrors } from './errors.ts';
import { journalFolder, openJournal, type JournalRow } from './journal.ts';
import type { Labeler, LabelerContext, QueuedPost } from './labeler.ts';
import { postsInBatches } from './llm/batches.ts';
import { openTodo, type Queue } from './queue.ts';
import { rowsOf } from './rows.ts';
import type { Shard } from './shard.ts';
import { emptySummary, type LabelerSummary } from './summary.ts';

export interface RunLabelerOptions {
  config: Config;
  lake: Lake;
  engine: Engine;
  queue: Queue;
  labeler: Labeler;
  version: string;
  shard: Shard;
  limit: number | undefined;
  sample: number;
  retryFailed: boolean;
  postsPerPrompt: number | undefined;
  runId: string;
  signal: AbortSignal;
  embedder: LabelerContext['embedder'];
  now: () => number;
}

/** Posts that may fail before the first success; more, and the fault is taken to be the labeler's, not theirs. */
const failuresBeforeFirstSuccess = 50;

/** Asks one labeler about everything that the queue has for it. */
export async function runLabeler(options: RunLabelerOptions): Promise<LabelerSummary> {
  const { config, lake, engine, queue, labeler, version, shard, limit, runId, signal, embedder, now } =
    options;
  const { sample, retryFailed, postsPerPrompt } = options;
  const batchSize = labeler.postsPerAsk?.({ postsPerPrompt }) ?? labeler.batchSize;
  const concurrency =
    typeof labeler.concurrency === 'number' ? labeler.concurrency : labeler.concurrency(config);
  const startedMs = now();
  const summary = emptySummary(labeler.name, version);
  const journal = await openJournal({
    spool: journalFolder(config),
    lake,
    engine,
    labeler: labeler.name,
    shard,
    now,
  });
  try {
    const embeddingVersion = await labeler.embeddingVersion?.(config);
    const todo = await openTodo({
      lake,
      engine,
      queue,
      labeler: labeler.name,
      version,
      shard,
      limit,
      sample,
      retryFailed,
      embeddingVersion,
    });
    // what a batch is about is asked about there, and paid for
    const batched = labeler.llmTask ? postsInBatches(journalFolder(config), labeler.name) : new Set<string>();
    summary.queued = todo.posts;
    if (todo.posts === 0) return summary;
    const progress = createProgress({ label: labeler.name, total: todo.posts, unit: 'posts', now });
    const open = await labeler.open({ config, embedder, runId, shard, postsPerPrompt });
    let held: JournalRow[] = []; // failures before the first success: not yet known whose fault they are
    let stopped: { error: unknown } | null = null;

    const handle = async (posts: readonly QueuedPost[]): Promise<void> => {
      const answers = await askBatch(open, posts, signal);
      const labelledAt = Math.round(now() * 1000);
      const rows: JournalRow[] = [];
      let lastError = '';
      posts.forEach((post, i) => {
        const answer = answers[i];
        if (answer === undefined) return;
        summary[answer.status]++;
        if (answer.status !== 'ok') lastError = answer.error;
        rows.push(...rowsOf(post, answer, { labeler: labeler.name, version, runId, labelledAt }));
      });
      if (summary.failed === summary.ok + summary.refused + summary.skipped + summary.failed) {
        held.push(...rows);
        if (summary.failed >= failuresBeforeFirstSuccess) {
          const { failed } = summary;
          held = [];
          throw enrichErrors.allFailed(labeler.name, failed, lastError);
        }
        return;
      }
      const durable = [...held, ...rows];
      held = [];
      await journal.add(durable);
      progress.advance(posts.length);
    };

    const inFlight = new Set<Promise<void>>();
    const start = (posts: readonly QueuedPost[]): void => {
      const work = handle(posts)
        .catch((error: unknown) => {
          stopped ??= { error };
        })
        .finally(() => inFlight.delete(work));
      inFlight.add(work);
    };
    const halted = (): boolean => signal.aborted || stopped !== null;

    try {
      let nextMs = now();
      asking: for await (const page of todo.pages()) {
        const free = page.filter(({ uri, cid }) => !batched.has(`${uri} ${cid}`));
        for (let at = 0; at < free.length; at += batchSize) {
          const posts = free.slice(at, at + batchSize);
          if (labeler.ratePerSecond !== null) {
            const waitMs = nextMs - now();
            nextMs = Math.max(nextMs, now()) + (1000 * posts.length) / labeler.ratePerSecond;
            if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
          }
          while (inFlight.size >= concurrency) await Promise.race(inFlight);
          if (halted()) break asking;
          start(posts);
          if (journal.due) await journal.publish();
        }
      }
      await Promise.all(inFlight);
      if (!halted()) await journal.add(held);
    } finally {
      await Promise.all(inFlight);
      await open.close();
      await todo.close();
      progress.done(signal.aborted ? 'stopped' : '');
    }
    if (signal.aborted) summary.status = 'stopped';
    else if (stopped !== null) {
      const { error } = stopped as { error: unknown };
      if (!(error instanceof FeedtrialError && error.exitCode === EXIT.partial)) throw error;
      summary.status = 'stopped'; // at a limit that someone set
      summary.error = describeError(error);
    }
    return summary;
  } finally {
    summary.seconds = (now() - startedMs) / 1000;
    await journal.close();
  }
}
