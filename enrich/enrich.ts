import { openEngine, openLake } from '../lake/index.ts';
import type { Config } from '../ops/config/index.ts';
import { describeError } from '../ops/errors/index.ts';
import { log, newRunId, runStage } from '../ops/telemetry/index.ts';
import { openEmbedder, type Embedder } from './embeddings/embedder.ts';
import { enrichErrors } from './errors.ts';
import type { Labeler } from './labeler.ts';
import { labelers as allLabelers } from './labelers/index.ts';
import { openQueue, queuedVersions } from './queue.ts';
import { runBatches, type BatchMode } from './run-batches.ts';
import { runLabeler, type RunLabelerOptions } from './run-labeler.ts';
import { wholeQueue, type Shard } from './shard.ts';
import { emptySummary, type LabelerSummary } from './summary.ts';

export interface EnrichOptions {
  config: Config;
  /** Names of the labelers to ask, or of a family, such as 'llm' for 'llm_…'; all that the queue names by default. */
  labelers?: readonly string[];
  shard?: Shard;
  /** At most this many posts a labeler. */
  limit?: number;
  /** Share of the posts, from 0 to 1, the same ones in every run; all by default. */
  sample?: number;
  /** Ask again about what failed, dead letters included, and about nothing else. */
  retryFailed?: boolean;
  /** Posts in each prompt of an LLM; one by default. */
  postsPerPrompt?: number;
  /** Ask LLMs by the Batch API, and no other labeler. */
  batch?: BatchMode;
  dag?: string;
  runId?: string;
  signal?: AbortSignal;
  now?: () => number;
  /** The labelers that there are; tests bring their own. */
  known?: readonly Labeler[];
}

export interface EnrichSummary {
  /** The queue that was worked on; null where none was published yet. */
  publishId: string | null;
  labelers: LabelerSummary[];
  /** Labelers that the queue names and that this version doesn't have. */
  unknown: string[];
  /** Labelers that the queue names and that can't be asked here, such as for want of a key. */
  notReady: { labeler: string; reason: string; fix: string | null }[];
  /** 'partial' where a labeler failed or stopped at a limit, or the run was stopped. */
  status: 'done' | 'partial';
}

/**
 * Asks labelers about the posts that SQL queued for them and writes what they say to labels/values and
 * labels/embeddings. It can be killed at any point and run again: what was answered is neither lost nor asked twice.
 * @throws FeedtrialError FT_ENRICH_UNKNOWN_LABELER (exit 2), FT_ENRICH_QUEUE, and the first labeler's own error where
 *   none of them could work
 */
export async function enrich(options: EnrichOptions): Promise<EnrichSummary> {
  const { config, shard = wholeQueue, limit, dag = 'enrich', now = Date.now, known = allLabelers } = options;
  const { signal = new AbortController().signal, sample = 1, retryFailed = false } = options;
  const runId = options.runId ?? newRunId(now());
  // a labeler's own name is its alone, also where others begin with it
  const isCalled = (labeler: Labeler, name: string): boolean =>
    known.some((one) => one.name === name) ? labeler.name === name : labeler.name.startsWith(`${name}_`);
  for (const name of options.labelers ?? []) {
    const called = known.filter((labeler) => isCalled(labeler, name));
    if (called.length === 0)
      throw enrichErrors.unknownLabeler(
        name,
        known.map((labeler) => labeler.name),
      );
    for (const labeler of called) {
      if (options.batch && labeler.llmTask === undefined) throw enrichErrors.noBatches(labeler.name);
      const reason = labeler.notReady?.(config) ?? null;
      if (reason !== null) throw reason;
      labeler.warmUp?.();
    }
  }

  return runStage({ config, dag, runId, stage: 'enrich', now }, async (stage) => {
    const lake = openLake(config.lake);
    const summary: EnrichSummary = {
      publishId: null,
      labelers: [],
      unknown: [],
      notReady: [],
      status: 'done',
    };
    stage.records = 0;
    const queue = await openQueue(lake);
    if (queue === null) return summary;
    summary.publishId = queue.publishId;

    const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
    let loading: Promise<Embedder> | null = null;
    const embedder = (): Promise<Embedder> => (loading ??= openEmbedder(config));
    const errors: unknown[] = [];
    try {
      const queued = await queuedVersions(engine, queue, retryFailed);
      summary.unknown = [
        ...new Set(
          queued.map((row) => row.labeler).filter((name) => !known.some((one) => one.name === name)),
        ),
      ];
      const asked = known.filter((labeler) =>
        options.labelers === undefined
          ? queued.some((row) => row.labeler === labeler.name)
          : options.labelers.some((name) => isCalled(labeler, name)),
      );
      for (const labeler of asked) {
        if (signal.aborted) break;
        if (options.batch && labeler.llmTask === undefined) continue;
        const reason = labeler.notReady?.(config) ?? null;
        if (reason !== null) {
          const { message, fix = null } = reason;
          summary.notReady.push({ labeler: labeler.name, reason: `${reason.code}: ${message}`, fix });
          continue;
        }
        let version = '';
        try {
          version = await labeler.version(config);
          const wanted = queued.filter((row) => row.labeler === labeler.name).map((row) => row.version);
          if (wanted.length > 0 && !wanted.includes(version))
            throw enrichErrors.otherVersion(labeler.name, version, wanted);
          const work: RunLabelerOptions = {
            config,
            lake,
            engine,
            queue,
            labeler,
            version,
            shard,
            limit,
            sample,
            retryFailed,
            postsPerPrompt: options.postsPerPrompt,
            runId,
            signal,
            embedder,
            now,
          };
          summary.labelers.push(
            options.batch && labeler.llmTask ? await runBatches(work, options.batch) : await runLabeler(work),
          );
        } catch (error) {
          // the others can still work; their labels must not wait for this one
          errors.push(error);
          summary.labelers.push({
            ...emptySummary(labeler.name, version),
            status: 'failed',
            error: describeError(error),
          });
        }
      }
    } finally {
      await (loading as Promise<Embedder> | null)?.then((open) => open.close()).catch(() => undefined);
      await engine.close();
    }
    stage.records = summary.labelers.reduce((sum, labeler) => sum + labeler.ok, 0);
    stage.detail = {
      publish_id: queue.publishId,
      labelers: Object.fromEntries(summary.labelers.map(({ labeler, ...rest }) => [labeler, rest])),
    };
    if (errors.length > 0 && errors.length === summary.labelers.length) throw errors[0];
    for (const { labeler, status, error } of summary.labelers)
      if (status === 'failed') log.error('labeler failed', { labeler, error });
      else if (error !== null) log.warn('labeler stopped', { labeler, error });
    if (errors.length > 0 || signal.aborted || summary.labelers.some(({ status }) => status === 'stopped')) {
      summary.status = 'partial';
      stage.outcome = 'partial';
    }
    return summary;
  });
}
