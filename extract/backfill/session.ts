import { availableParallelism } from 'node:os';
import { openEngine, openLake, type Engine, type Lake } from '../../lake/index.ts';
import type { Config } from '../../ops/config/index.ts';
import { createProgress } from '../../ops/progress/index.ts';
import { newRunId, runStage, type StageContext } from '../../ops/telemetry/index.ts';
import { closeIdleConnections } from '../../ops/fetch/index.ts';
import { Failure } from './failure.ts';
import { usualPatience, type Asking, type Patience } from './network/ask.ts';
import type { HostLimits } from './network/host.ts';
import { openHosts } from './network/hosts.ts';
import { openBackfillSpool, type BackfillSpool } from './spool/open.ts';
import { keyOf, readOutcomes, type Earlier } from './spool/outcomes.ts';
import type { Outcome, QuestionKind } from './spool/lines.ts';

export interface BackfillOptions {
  config: Config;
  /** Directory of did:plc documents; by default the configured one. */
  plcUrl?: string | undefined;
  /** Collections to keep; none keeps all. By default the configured ones. */
  collections?: string[] | undefined;
  /** Fetches again what hasn't changed since it was last fetched. Default false. */
  again?: boolean | undefined;
  /** Says what would be asked of whom, and asks only who is where. */
  dryRun?: boolean | undefined;
  /** Downloads that are under way at once; default 16. */
  concurrency?: number | undefined;
  /** How fast each host is asked. */
  hostLimits?: Partial<HostLimits> | undefined;
  patience?: Partial<Patience> | undefined;
  /** A longer repository is given up; bytes, default 2 GiB. */
  maxRepositoryBytes?: number | undefined;
  /** How long a server may be silent; milliseconds, default 30 s. */
  idleMs?: number | undefined;
  /** How long one answer may take; milliseconds, default 30 min. */
  totalMs?: number | undefined;
  /** A repository's blocks beyond this lie in a file while it is checked; bytes, default 16 MiB. */
  spillBytes?: number | undefined;
  /** Aborting it ends after what is being written now. */
  signal?: AbortSignal | undefined;
  dag?: string | undefined;
  runId?: string | undefined;
  now?: (() => number) | undefined;
  random?: (() => number) | undefined;
  /** Called when an answer has come to its end, before it is written, and when it was; tests end the process there. */
  onStep?: ((step: 'fetched' | 'written') => void) | undefined;
}

/** One thing that didn't come. */
export interface Missed {
  did: string | null;
  uri: string | null;
  outcome: 'absent' | 'failed';
  reason: string | null;
  detail: string | null;
}

export interface BackfillSummary {
  runId: string;
  kind: QuestionKind;
  /** What was to be asked, without what an earlier run of the same job had done. */
  asked: number;
  /** What an earlier run of the same job had done. */
  resumed: number;
  outcomes: Record<Outcome['outcome'], number>;
  reasons: Record<string, number>;
  /** Records that the repositories had, rows that were written, and records that were found deleted. */
  records: number;
  written: number;
  deleted: number;
  bytes: number;
  hosts: number;
  gaps: { closed: number; left: { gapId: string; kind: string; did: string | null; why: string }[] };
  /** Some of what didn't come; all of it is in `raw/backfills`. */
  missed: Missed[];
  /** With `dryRun`: requests by host. */
  plan: { host: string; requests: number }[] | null;
  stoppedBy: 'end' | 'signal';
  seconds: number;
}

const missedKept = 50;

/** What every kind of backfill works with. */
export interface Session {
  config: Config;
  runId: string;
  lake: Lake;
  engine: Engine;
  spool: BackfillSpool;
  asking: Asking;
  patience: Patience;
  summary: BackfillSummary;
  signal: AbortSignal;
  nowUs: () => number;
  onStep: (step: 'fetched' | 'written') => void;
  /** Outcomes of the kind so far, by DID or URI. */
  last: Map<string, Earlier>;
  lastRead: Map<string, Earlier>;
  /** Counts an outcome that has been written. */
  count(outcome: Outcome): void;
  /** Runs one task a target, many at once; `total` and `unit` are shown. */
  each<T>(
    targets: Iterable<T> | AsyncIterable<T>,
    total: number,
    work: (target: T) => Promise<void>,
    unit?: string,
  ): Promise<void>;
  /** Lets so many at a time do what takes memory and processor. */
  readonly download: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Tasks at once: each waits for its host, and costs a few kilobytes. */
const tasksAtOnce = 2_000;

function semaphore(permits: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = permits;
  const queue: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((go) => queue.push(go)); // its permit is handed over
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}

/** Opens what a backfill needs, runs it as a stage with its record, and closes all of it again. */
export async function runBackfill(
  options: BackfillOptions,
  kind: QuestionKind,
  work: (session: Session, stage: StageContext) => Promise<void>,
): Promise<BackfillSummary> {
  const { config, now = Date.now, dag = 'backfill', runId = newRunId(now()), random = Math.random } = options;
  const { onStep = () => {} } = options;
  return runStage({ config, dag, runId, stage: `backfill.${kind}`, now }, async (stage) => {
    const startedMs = now();
    const stop = new AbortController(); // by the caller, or because nothing can be written any more
    const forward = (): void => stop.abort();
    options.signal?.addEventListener('abort', forward, { once: true });
    if (options.signal?.aborted) forward();
    const spool = openBackfillSpool(config.spool, now);
    let engine: Engine | null = null;
    const hosts = openHosts({
      limits: { perSecond: 8, burst: 8, concurrency: 4, ...options.hostLimits },
      now,
    });
    const summary: BackfillSummary = {
      runId,
      kind,
      asked: 0,
      resumed: 0,
      outcomes: { done: 0, unchanged: 0, absent: 0, failed: 0 },
      reasons: {},
      records: 0,
      written: 0,
      deleted: 0,
      bytes: 0,
      hosts: 0,
      gaps: { closed: 0, left: [] },
      missed: [],
      plan: null,
      stoppedBy: 'end',
      seconds: 0,
    };
    try {
      const lake = openLake(config.lake);
      engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
      const outcomes = await readOutcomes({ spool: config.spool, lake, engine }, kind);
      const session: Session = {
        config,
        runId,
        lake,
        engine,
        spool,
        asking: {
          hosts,
          allowLoopback: config.allowLoopback,
          signal: stop.signal,
          idleMs: options.idleMs ?? 30_000,
          totalMs: options.totalMs ?? 1_800_000,
          maxBytes: options.maxRepositoryBytes ?? 2 ** 31,
          now,
          random,
        },
        patience: { ...usualPatience, ...options.patience },
        summary,
        signal: stop.signal,
        nowUs: () => Math.round(now() * 1000),
        onStep,
        ...outcomes,
        count(outcome) {
          summary.outcomes[outcome.outcome]++;
          if (outcome.reason !== null)
            summary.reasons[outcome.reason] = (summary.reasons[outcome.reason] ?? 0) + 1;
          summary.records += outcome.records ?? 0;
          summary.written += outcome.written ?? 0;
          summary.deleted += outcome.deleted ?? 0;
          summary.bytes += outcome.bytes ?? 0;
          if (
            (outcome.outcome === 'absent' || outcome.outcome === 'failed') &&
            summary.missed.length < missedKept
          )
            summary.missed.push({
              did: outcome.did,
              uri: outcome.uri,
              outcome: outcome.outcome,
              reason: outcome.reason,
              detail: outcome.detail,
            });
        },
        async each(targets, total, task, unit = 'repositories') {
          const shown = createProgress({
            label: `backfill ${kind}`,
            total,
            unit,
            now,
          });
          const running = new Set<Promise<void>>();
          let failed: { error: unknown } | null = null;
          for await (const target of targets) {
            if (stop.signal.aborted || failed !== null) break;
            const one = task(target)
              .catch((error: unknown) => {
                // what was under way when it was stopped is asked again by the next run
                if (stop.signal.aborted && (isAbort(error) || error instanceof Failure)) return;
                failed ??= { error };
                stop.abort();
              })
              .finally(() => {
                running.delete(one);
                shown.advance();
                shown.note(
                  `${summary.records} records, ${(summary.bytes / 1e6).toFixed(1)} MB, ${summary.outcomes.absent + summary.outcomes.failed} missed`,
                );
              });
            running.add(one);
            if (running.size >= tasksAtOnce) await Promise.race(running);
          }
          await Promise.all(running);
          shown.done();
          if (failed !== null) throw (failed as { error: unknown }).error;
        },
        download: semaphore(options.concurrency ?? Math.max(8, 8 * availableParallelism())),
      };
      await work(session, stage);
      summary.stoppedBy = stop.signal.aborted ? 'signal' : 'end';
      summary.hosts = hosts.size;
      summary.seconds = (now() - startedMs) / 1000;
      stage.records = summary.written + summary.deleted;
      stage.detail = {
        asked: summary.asked,
        ...summary.outcomes,
        reasons: summary.reasons,
        bytes: summary.bytes,
      };
      if (summary.stoppedBy === 'signal' || summary.outcomes.failed > 0) stage.outcome = 'partial';
      return summary;
    } finally {
      options.signal?.removeEventListener('abort', forward);
      await spool.close();
      await engine?.close();
      closeIdleConnections();
    }
  });
}

export const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

/**
 * Numbers of the targets that are still to be asked for: not those of which something came of since the job began, nor, where a queue
 * named them, those that were answered since it was published.
 */
export function leftToAsk(
  session: Session,
  startedUs: number,
  targets: readonly { did: string | null; uri: string | null }[],
  publishedUs = Infinity,
): number[] {
  return targets.flatMap((target, i) => {
    const last = session.last.get(keyOf(target));
    if (last === undefined) return [i];
    const answered = last.outcome !== 'failed' && last.endedUs >= publishedUs;
    return last.endedUs >= startedUs || answered ? [] : [i];
  });
}

/** Nothing was read: why. */
export const missedOutcome = (
  about: Pick<Outcome, 'kind' | 'did' | 'uri'> & { host: string | null },
  failure: Failure,
  absent: boolean,
  attempts: number,
): Outcome => ({
  ...about,
  outcome: absent ? 'absent' : 'failed',
  reason: failure.reason,
  detail: failure.message,
  rev: null,
  verified: null,
  collections: null,
  records: null,
  written: null,
  deleted: null,
  bytes: null,
  attempts,
});
