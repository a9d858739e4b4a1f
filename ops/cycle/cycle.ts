import { openLake } from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { openDbt, type Dbt } from '../dbt/index.ts';
import { EXIT, FeedtrialError, describeError, type ExitCode } from '../errors/index.ts';
import { log, newRunId, runStage } from '../telemetry/index.ts';
import { takeLease } from './lease.ts';
import type { TransformWhat } from './transform.ts';

/** What a cycle asks of each part. */
export interface CycleParts {
  land: () => Promise<unknown>;
  /** @param what how much of the models, as TransformOptions has it */
  transform: (what: TransformWhat) => Promise<unknown>;
  /** Asks the named labelers, or all that have a queue. */
  enrich: (labelers?: string[]) => Promise<{
    /** Whether any label was written: otherwise the models need not be built again. */
    wrote: boolean;
    /** False where a labeler failed and others did not. */
    complete: boolean;
  }>;
  rank: () => Promise<unknown>;
  /** Looks at what came of it all; nothing of the cycle depends on it. */
  observe?: () => Promise<unknown>;
}

export type StageStatus = 'done' | 'partial' | 'failed' | 'refused' | 'skipped' | 'not needed';

export interface CycleStage {
  stage: string;
  status: StageStatus;
  seconds: number;
  /** Why it failed, or why it was left out. */
  reason: string | null;
}

export interface CycleSummary {
  runId: string;
  stages: CycleStage[];
  /** What `feedtrial cycle` exits with. */
  exitCode: ExitCode;
}

export interface CycleOptions {
  config: Config;
  dag?: string;
  signal?: AbortSignal;
  now?: () => number;
  /** dbt that is open already; otherwise the cycle opens and closes its own. */
  dbt?: Dbt;
  /** The parts' own functions unless a test brings others. */
  parts?: CycleParts;
  /** Told about each stage as it ends. */
  onStage?: (stage: CycleStage) => void;
}

interface Shared {
  config: Config;
  dag: string;
  runId: string;
  now: () => number;
  signal?: AbortSignal;
}

function realParts(shared: Shared, dbt: Dbt, deadRunId: string | undefined): CycleParts {
  // One moment for all builds of a cycle: what the first one built is then true for the others as well.
  let asOfUs = 0;
  return {
    land: async () => (await import('../../extract/land/index.ts')).land(shared),
    transform: async (what) => {
      if (asOfUs === 0) asOfUs = Math.round(shared.now() * 1000);
      const { transform, historyIsDue } = await import('./transform.ts');
      const history =
        what === 'everything' &&
        (await historyIsDue(openLake(shared.config.lake), shared.config, shared.now()));
      return transform({ ...shared, dbt, what, asOfUs, history });
    },
    async enrich(labelers) {
      const { enrich } = await import('../../enrich/index.ts');
      const summary = await enrich({ ...shared, ...(labelers ? { labelers } : {}) });
      return {
        wrote: summary.labelers.some((one) => one.ok + one.failed + one.refused + one.skipped > 0),
        complete: summary.status === 'done',
      };
    },
    rank: async () => (await import('./rank.ts')).rank({ ...shared, dbt, asOfUs }),
    observe: async () =>
      (await import('../observe/index.ts')).observe({
        ...shared,
        dbt,
        ...(deadRunId === undefined ? {} : { deadRunId }),
      }),
  };
}

function exitCodeOf(all: readonly CycleStage[]): ExitCode {
  const stages = all.filter(({ stage }) => stage !== 'observe'); // it tells of the others
  if (stages.some((s) => s.status === 'refused')) return EXIT.refused;
  if (stages.every((s) => s.status === 'done' || s.status === 'not needed')) return EXIT.done;
  return stages.some((s) => s.status === 'done' || s.status === 'partial') ? EXIT.partial : EXIT.failed;
}

const outcomes = { 0: 'done', 1: 'failed', 2: 'failed', 3: 'partial', 4: 'refused' } as const;

/**
 * land -> the queue -> enrich language -> the queue again -> enrich the rest -> transform -> rank -> observe, once, under one run id and one
 * lease. Up to the last labels only what leads to the queue is built; what ranking reads, once, from all of them. A stage that fails
 * stops only what needs it: labelers go on with the last whole queue, ranking needs models that were built, and whatever was published
 * stays in force.
 * @throws FeedtrialError FT_CYCLE_HELD where another cycle is at work, FT_DBT_MISSING; what fails later is in the summary
 */
export async function cycle(options: CycleOptions): Promise<CycleSummary> {
  const { config, dag = 'cycle', signal, now = Date.now, onStage } = options;
  const runId = newRunId(now());
  const lease = await takeLease({ lake: openLake(config.lake), name: 'cycle', runId, now });
  if (lease.takenOverFrom)
    log.warn('took over the lease of a cycle that died', { run_id: lease.takenOverFrom.runId });
  let opened: Dbt | null = null;
  try {
    let parts = options.parts;
    if (!parts) {
      opened = options.dbt ? null : await openDbt(config); // it loads while landing works
      parts = realParts(
        { config, dag, runId, now, ...(signal ? { signal } : {}) },
        (options.dbt ?? opened) as Dbt,
        lease.takenOverFrom?.runId,
      );
    }
    const order = inOrder(parts, {
      now,
      runId,
      stopped: () => signal?.aborted ?? false,
      onStage: onStage ?? (() => undefined),
    });
    return await runStage({ config, dag, runId, stage: 'cycle', now }, async (context) => {
      const stages = await order();
      const exitCode = exitCodeOf(stages);
      context.records = stages.filter((s) => s.status === 'done').length;
      context.detail.stages = Object.fromEntries(stages.map((s) => [s.stage, s.status]));
      context.outcome = outcomes[exitCode];
      return { runId, stages, exitCode };
    });
  } finally {
    await opened?.close();
    await lease.release();
  }
}

interface OrderContext {
  now: () => number;
  runId: string;
  stopped: () => boolean;
  onStage: (stage: CycleStage) => void;
}

/** The order of the stages and what each needs. */
function inOrder(
  parts: CycleParts,
  { now, runId, stopped, onStage }: OrderContext,
): () => Promise<CycleStage[]> {
  const stages: CycleStage[] = [];
  let modelsBuilt = false;
  let languagesAreNew = false;

  /** Runs one stage unless `leaveOut` says why not. Nothing is thrown. */
  const step = async (
    stage: string,
    leaveOut: { status: 'skipped' | 'not needed'; reason: string } | null,
    work: () => Promise<'done' | 'partial'>,
  ): Promise<void> => {
    const startedMs = now();
    let outcome: { status: StageStatus; reason: string | null };
    if (stopped()) outcome = { status: 'skipped', reason: 'the cycle was stopped' };
    else if (leaveOut) outcome = leaveOut;
    else
      try {
        outcome = { status: await work(), reason: null };
      } catch (error) {
        const refused = error instanceof FeedtrialError && error.exitCode === EXIT.refused;
        outcome = { status: refused ? 'refused' : 'failed', reason: describeError(error) };
        log.error('a stage failed', { stage, run_id: runId, error: outcome.reason });
      }
    stages.push({ stage, seconds: (now() - startedMs) / 1000, ...outcome });
    onStage(stages.at(-1) as CycleStage);
  };

  const notBuilt = { status: 'skipped', reason: 'the models could not be built' } as const;
  const build = (what: TransformWhat) => async (): Promise<'done'> => {
    modelsBuilt = false;
    await parts.transform(what);
    modelsBuilt = true;
    return 'done';
  };
  const answered = ({ complete }: { complete: boolean }) => (complete ? 'done' : 'partial');
  const whole = (work: () => Promise<unknown>) => async (): Promise<'done'> => {
    await work();
    return 'done';
  };

  return async () => {
    await step('land', null, whole(parts.land));
    await step('transform_queue', null, build('queue'));
    // a post's language decides whether it is eligible, and only eligible posts are worth the other labelers' time
    await step('enrich_language', null, async () => {
      languagesAreNew = true; // a run that breaks off may have written some
      const labels = await parts.enrich(['language']);
      languagesAreNew = labels.wrote;
      return answered(labels);
    });
    const nothingNew = { status: 'not needed', reason: 'no label is new' } as const;
    await step(
      'transform_language',
      !modelsBuilt ? notBuilt : languagesAreNew ? null : nothingNew,
      build('labels of the queue'),
    );
    await step('enrich', null, async () => answered(await parts.enrich()));
    await step('transform', modelsBuilt ? null : notBuilt, build('everything'));
    await step('rank', modelsBuilt ? null : notBuilt, whole(parts.rank));
    if (parts.observe) await step('observe', null, whole(parts.observe));
    return stages;
  };
}
