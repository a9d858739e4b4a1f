import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/index.ts';
import { createProgress } from '../progress/index.ts';
import { log } from '../telemetry/index.ts';
import { dbtFolders } from './environment.ts';
import { dbtErrors } from './errors.ts';
import { leftForMemory, lockHolder, resultOf, type DbtResult } from './result.ts';
import { startWorker, type Worker } from './worker.ts';
import { traceNodes } from './trace.ts';

export interface DbtRunOptions {
  command:
    | 'build'
    | 'seed'
    | 'run'
    | 'test'
    | 'docs'
    | 'parse'
    | 'compile'
    | 'list'
    | 'source freshness'
    | 'run-operation';
  /** Macro that `run-operation` runs, and its arguments. */
  macro?: string;
  macroArguments?: Record<string, unknown>;
  /** dbt selectors, joined by union. */
  select?: string[];
  exclude?: string[];
  /** 'buildable' leaves out tests that read what is neither selected nor before it; by default dbt runs each that reads anything selected. */
  indirectSelection?: 'buildable';
  /** dbt's own vars. dbt parses the project anew, some seconds, whenever one has changed: prefer parameters. */
  vars?: Record<string, string | number>;
  /** What this run is told, as models read it by `run_parameter()`: changing it costs nothing. */
  parameters?: Record<string, string | number>;
  fullRefresh?: boolean;
  /** How many nodes are built at once; FEEDTRIAL_THREADS by default. */
  threads?: number;
  /** Aborting kills the worker; the next run starts another. */
  signal?: AbortSignal;
}

/**
 * dbt, loaded once and used for many runs. Runs go one after the other, in the order in which they were asked for. Nodes that ran out
 * of memory beside each other are built again one by one.
 */
export interface Dbt {
  /**
   * @throws FeedtrialError FT_DBT_FAILED (a DbtFailed, with the whole result) where a node or the project fails,
   *   FT_DBT_BUSY where another process holds the warehouse for too long, FT_DBT_DIED, FT_DBT_ABORTED
   */
  run(options: DbtRunOptions): Promise<DbtResult>;
  /** Ends the worker. */
  close(): Promise<void>;
}

export interface OpenDbtOptions {
  /** How long a run waits for a warehouse that another process holds; default two minutes. */
  waitForWarehouseMs?: number;
}

function argumentsOf(options: DbtRunOptions): string[] {
  const { command, select = [], exclude = [], vars = {}, fullRefresh = false } = options;
  return [
    ...(command === 'docs' ? ['docs', 'generate'] : command.split(' ')),
    ...(options.macro === undefined
      ? []
      : [options.macro, '--args', JSON.stringify(options.macroArguments ?? {})]),
    ...(select.length > 0 ? ['--select', ...select] : []),
    ...(exclude.length > 0 ? ['--exclude', ...exclude] : []),
    ...(options.indirectSelection ? ['--indirect-selection', options.indirectSelection] : []),
    ...(fullRefresh ? ['--full-refresh'] : []),
    ...(options.threads === undefined ? [] : ['--threads', String(options.threads)]),
    ...(Object.keys(vars).length > 0 ? ['--vars', JSON.stringify(vars)] : []),
  ];
}

/**
 * Starts dbt for a configuration. It returns while dbt is still loading, so open it before other work that takes time.
 * @throws FeedtrialError FT_DBT_MISSING where setup has not been run
 */
export async function openDbt(config: Config, options: OpenDbtOptions = {}): Promise<Dbt> {
  const { waitForWarehouseMs = 120_000 } = options;
  const folders = dbtFolders(config);
  if (!existsSync(folders.python)) throw dbtErrors.missing(folders.python);
  let worker: Worker | null = startWorker(config);
  let queue: Promise<unknown> = Promise.resolve();

  const runNow = async (job: DbtRunOptions): Promise<DbtResult> => {
    const { signal } = job;
    const aborted = (): boolean => signal?.aborted ?? false;
    if (aborted()) throw dbtErrors.aborted();
    if (!worker?.alive) worker = startWorker(config);
    const current = worker;
    const onAbort = (): void => void current.kill(dbtErrors.aborted());
    signal?.addEventListener('abort', onAbort, { once: true });
    const progress = createProgress({ label: `dbt ${job.command}` });
    const waitUntilMs = Date.now() + waitForWarehouseMs;
    try {
      for (;;) {
        const startedMs = Date.now();
        const answer = await current.invoke(argumentsOf(job), job.parameters ?? {}, (node) => {
          progress.note(`${node.index}${node.total > 0 ? ` of ${node.total}` : ''}: ${node.name}`);
        });
        const holder = lockHolder(answer);
        if (holder === null) {
          traceNodes(answer.results, startedMs);
          progress.done(`${answer.results.length} nodes in ${answer.seconds.toFixed(1)} s`);
          const left = job.threads === 1 ? null : leftForMemory(answer.results);
          if (left !== null) {
            log.warn('out of memory: what is left is built by itself', { nodes: left.join(' ') });
            const rest = await runNow({ ...job, select: left, threads: 1 });
            const before = answer.results.filter(({ name }) => !left.includes(name));
            return resultOf(
              job.command,
              {
                ...answer,
                success: true,
                results: [...before, ...rest.nodes],
                seconds: answer.seconds + rest.seconds,
              },
              folders.logFile,
            );
          }
          return resultOf(job.command, answer, folders.logFile);
        }
        if (Date.now() > waitUntilMs || aborted()) throw dbtErrors.busy(config.warehouse, holder);
        log.warn('waiting for the warehouse', { warehouse: config.warehouse, held_by: holder });
        progress.note(`waits for the warehouse, held by ${holder}`);
        await sleep(1_000, undefined, signal ? { signal } : {}).catch(() => undefined);
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  };

  return {
    run(job) {
      const result = queue.then(() => runNow(job));
      queue = result.catch(() => undefined);
      return result;
    },
    async close() {
      await queue;
      await worker?.end();
      worker = null;
    },
  };
}
