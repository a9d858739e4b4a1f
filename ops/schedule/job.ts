import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { $ as shell } from 'zx';
import { describeHolder, openLake, takeLock, type Lock } from '../../lake/index.ts';
import { loadConfig, projectRoot } from '../config/config.ts';
import type { Config } from '../config/index.ts';
import { takeLease } from '../cycle/lease.ts';
import { EXIT, FeedtrialError, describeError } from '../errors/index.ts';
import { loadEnvFile } from '../cli/env-file.ts';
import {
  log,
  newRunId,
  redact,
  startTelemetry,
  writeRunRecords,
  type RunRecord,
} from '../telemetry/index.ts';

/**
 * What the scripts of the schedule share. A script says which commands it runs; that it may be started twice, be killed and be
 * late is seen to here. Each command's process ends with its script, however that ends (FEEDTRIAL_ENDS_WITH_PARENT), so
 * that a script which was killed leaves nothing at work behind.
 */
export interface JobShell {
  /** Runs the CLI, as in `feedtrial`land``. @returns its exit code */
  feedtrial: (pieces: TemplateStringsArray, ...args: (string | string[])[]) => Promise<number>;
  config: Config;
}

const launcher = path.join(projectRoot, 'ops/cli/feedtrial.js');

/** What a script was called with: settings by `--env FILE`, everything else for the command. */
export function scriptArguments(argv: readonly string[]): { env: string | undefined; rest: string[] } {
  const at = argv.indexOf('--env');
  if (at === -1) return { env: undefined, rest: [...argv] };
  return { env: argv[at + 1], rest: argv.filter((_, i) => i !== at && i !== at + 1) };
}

interface Setting extends JobShell {
  rest: string[];
  stop: AbortSignal;
}

async function settle(): Promise<Setting & { close: () => Promise<void> }> {
  const { env, rest } = scriptArguments(process.argv.slice(2));
  loadEnvFile(env);
  const config = loadConfig();
  const telemetry = await startTelemetry(config);
  const stop = new AbortController();
  const children = new Set<{ kill: (signal: NodeJS.Signals) => unknown }>();
  const onSignal = (): void => {
    stop.abort();
    for (const child of children) child.kill('SIGTERM');
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const $ = shell({
    cwd: process.cwd(),
    stdio: ['ignore', 'inherit', 'inherit'],
    nothrow: true,
    verbose: false,
    env: { ...process.env, FEEDTRIAL_ENDS_WITH_PARENT: '1' },
  });
  const node = [
    '--disable-warning=ExperimentalWarning',
    launcher,
    ...(env === undefined ? [] : ['--env', env]),
  ];
  return {
    config,
    rest,
    stop: stop.signal,
    async feedtrial(pieces, ...args) {
      const words = String.raw({ raw: pieces }, ...args.map(() => '\0'))
        .trim()
        .split(/\s+/);
      let next = 0;
      const given = words.flatMap((word) => (word === '\0' ? (args[next++] ?? []) : [word]));
      if (stop.signal.aborted) return EXIT.partial;
      const child = $`exec ${process.execPath} ${node} ${given}`;
      children.add(child);
      const { exitCode } = await child;
      children.delete(child);
      return exitCode ?? EXIT.failed;
    },
    close: async () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
      await telemetry.shutdown();
    },
  };
}

async function end(exitCode: number): Promise<never> {
  await new Promise((resolve) => process.stdout.write('', resolve));
  process.exit(exitCode);
}

function tell(error: unknown): number {
  process.stderr.write(`${describeError(error)}\n`);
  if (error instanceof FeedtrialError && error.fix) process.stderr.write(`  fix: ${error.fix}\n`);
  return error instanceof FeedtrialError ? error.exitCode : EXIT.failed;
}

/** A job that could not even begin, as where the lake is out of reach, leaves the record that its command would have left. */
async function recordFailure(config: Config, name: string, runId: string, error: unknown): Promise<void> {
  const row: RunRecord = {
    ts: Date.now() * 1000,
    dag: 'schedule',
    run_id: runId,
    stage: name.replace(/-\d+-of-\d+$/, ''),
    records: null,
    duration_s: 0,
    status: 'failed',
    host: os.hostname(),
    pid: process.pid,
    error: redact(describeError(error)).slice(0, 2000),
    trace_id: null,
    detail: null,
  };
  await writeRunRecords(config, [row]).catch((cause: unknown) =>
    log.error('no run record could be written', { job: name, error: describeError(cause) }),
  );
}

/**
 * A job that runs and ends. One at a time in a lake: while another is at work this one does nothing and ends with 0, for it
 * is then not needed. What an earlier one missed, or left half done, this one does: every command goes on from what is durable.
 */
export async function periodic(
  name: string,
  work: (shell: JobShell & { rest: string[] }) => Promise<number>,
): Promise<void> {
  let exitCode: number;
  try {
    const setting = await settle();
    const { config } = setting;
    const runId = newRunId();
    try {
      const lease = await takeLease({ lake: openLake(config.lake), name: `schedule-${name}`, runId });
      if (lease.takenOverFrom)
        log.warn('the last one of this job died', { job: name, run_id: lease.takenOverFrom.runId });
      try {
        exitCode = await work(setting);
      } finally {
        await lease.release();
      }
    } catch (error) {
      if (!(error instanceof FeedtrialError && error.code === 'FT_CYCLE_HELD')) {
        await recordFailure(config, name, runId, error);
        throw error;
      }
      console.log(`${name}: ${error.message}; nothing to do`);
      exitCode = EXIT.done;
    } finally {
      await setting.close();
    }
  } catch (error) {
    exitCode = tell(error);
  }
  await end(exitCode);
}

const shortestWaitMs = 1_000;
const longestWaitMs = 60_000;
/** One that stayed up for so long is taken to have worked. */
const steadyMs = 300_000;

/**
 * A job that stays up: started again where it ends badly, soon at first and then each minute. Wrong settings (exit 2) end it,
 * as does a command that ended well. One at a time on a spool; with `--take-over` it follows the one before, which the
 * command asks to end.
 */
export async function resident(
  name: string,
  work: (shell: JobShell & { rest: string[] }) => Promise<number>,
): Promise<void> {
  let exitCode: number = EXIT.done;
  try {
    const setting = await settle();
    const { config, rest, stop } = setting;
    const file = path.join(config.spool, '_schedule', `${name}.lock`);
    let lock: Lock | null = takeLock(file);
    if (lock === null && !rest.includes('--take-over')) {
      console.log(`${name}: already at work: ${describeHolder(file)}; nothing to do`);
      await setting.close();
      await end(EXIT.done);
    }
    const waiting = setInterval(() => (lock ??= takeLock(file)), 1_000); // held by the one before until it has ended
    waiting.unref();
    for (let waitMs = shortestWaitMs; !stop.aborted;) {
      const beganMs = performance.now();
      exitCode = await work(setting);
      if (exitCode === EXIT.done || exitCode === EXIT.usage || stop.aborted) break;
      waitMs = performance.now() - beganMs > steadyMs ? shortestWaitMs : Math.min(longestWaitMs, waitMs * 2);
      log.warn('it ended and is started again', { job: name, exit_code: exitCode, wait_s: waitMs / 1000 });
      await sleep(waitMs, undefined, { signal: stop }).catch(() => undefined);
    }
    clearInterval(waiting);
    lock?.release();
    await setting.close();
  } catch (error) {
    exitCode = tell(error);
  }
  await end(exitCode);
}
