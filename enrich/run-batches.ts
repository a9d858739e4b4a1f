import path from 'node:path';
import { createProgress } from '../ops/progress/index.ts';
import { EXIT, FeedtrialError, describeError } from '../ops/errors/index.ts';
import { enrichErrors } from './errors.ts';
import { journalFolder, openJournal } from './journal.ts';
import type { QueuedPost } from './labeler.ts';
import { batchesFolder, openBatches, pollMs, waitToPoll } from './llm/batches.ts';
import { openEndpoint } from './llm/labeler.ts';
import { openSpend } from './llm/spend.ts';
import { openTodo } from './queue.ts';
import { invalidAnswer, rowsOf } from './rows.ts';
import type { RunLabelerOptions } from './run-labeler.ts';
import { emptySummary, type LabelerSummary } from './summary.ts';

export interface BatchMode {
  /** Wait until all batches are done, instead of leaving them for a later run. */
  wait: boolean;
  /** Milliseconds between looks; tests look more often. */
  pollMs?: number;
}

/**
 * Labels by batches: fetches the answers of those that are done, then sends off what the queue has beyond those under
 * way. Run it again for the answers; what is under way is asked about by no run with `--batch` meanwhile.
 */
export async function runBatches(options: RunLabelerOptions, mode: BatchMode): Promise<LabelerSummary> {
  const { config, lake, engine, labeler, version, shard, runId, signal, now } = options;
  if (labeler.llmTask === undefined) throw enrichErrors.noBatches(labeler.name);
  const startedMs = now();
  const summary = emptySummary(labeler.name, version);
  const folder = journalFolder(config);
  const journal = await openJournal({ spool: folder, lake, engine, labeler: labeler.name, shard, now });
  try {
    const batches = openBatches({
      task: labeler.llmTask,
      endpoint: await openEndpoint(labeler.llmTask, config),
      version,
      folder: path.join(batchesFolder(folder, labeler.name), `${shard.index}of${shard.count}`),
      spend: openSpend({ folder, runId, ceiling: config.llmMaxUsd, now }),
    });
    const progress = createProgress({ label: `${labeler.name} in batches`, unit: 'posts', now });
    const collect = (): Promise<number> =>
      batches.collect(async (posts, answers) => {
        const labelledAt = Math.round(now() * 1000);
        const context = { labeler: labeler.name, version, runId, labelledAt };
        const rows = posts.flatMap((post, i) => {
          const answer = answers[i] as (typeof answers)[number];
          const wrong = invalidAnswer(answer);
          const taken = wrong === null ? answer : { status: 'failed' as const, error: wrong };
          summary[taken.status]++;
          return rowsOf(post, taken, context);
        });
        await journal.add(rows);
        progress.advance(posts.length);
      });

    let underWay = await collect();
    await journal.publish(); // so that the queue below is without what was just answered
    const todo = await openTodo({ ...options, labeler: labeler.name, embeddingVersion: undefined });
    try {
      const pending = new Set(batches.pending.map(({ uri, cid }) => `${uri} ${cid}`));
      const posts: QueuedPost[] = [];
      for await (const page of todo.pages())
        posts.push(...page.filter(({ uri, cid }) => !pending.has(`${uri} ${cid}`)));
      summary.queued = posts.length;
      if (posts.length > 0 && !signal.aborted) {
        progress.note(`sending ${posts.length} off`);
        await batches.send(posts).catch((error: unknown) => {
          if (!(error instanceof FeedtrialError && error.exitCode === EXIT.partial)) throw error;
          summary.error = describeError(error);
        });
        underWay = await collect();
      }
    } finally {
      await todo.close();
    }
    while (mode.wait && underWay > 0 && !signal.aborted) {
      progress.note(`${underWay} batches under way`);
      await waitToPoll(signal, mode.pollMs ?? pollMs);
      if (!signal.aborted) underWay = await collect();
    }
    progress.done();
    if (underWay > 0) {
      summary.status = 'stopped';
      summary.error ??= `${batches.pending.length} posts are in ${underWay} batches under way: run it again with --batch for their answers`;
    } else if (summary.error !== null) summary.status = 'stopped';
    return summary;
  } finally {
    summary.seconds = (now() - startedMs) / 1000;
    await journal.close();
  }
}
