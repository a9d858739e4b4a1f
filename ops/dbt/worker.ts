import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import type { Config } from '../config/index.ts';
import { dbtEnvironment, dbtFolders } from './environment.ts';
import { dbtErrors } from './errors.ts';
import type { DbtAnswer } from './result.ts';

export interface NodeFinished {
  name: string;
  status: string;
  index: number;
  total: number;
}

interface Job {
  onNode: (node: NodeFinished) => void;
  resolve: (answer: DbtAnswer) => void;
  reject: (error: unknown) => void;
}

/** One Python process that has dbt loaded. */
export interface Worker {
  /** False once the process has ended, for whatever reason. */
  readonly alive: boolean;
  readonly pid: number | undefined;
  /** @throws FT_DBT_DIED if the process ends before it answered; rejects with `error` if `kill(error)` was called. */
  invoke(
    args: string[],
    parameters: Record<string, string | number>,
    onNode: (node: NodeFinished) => void,
  ): Promise<DbtAnswer>;
  /** Ends the process at once; a job that is running is rejected with `error`. */
  kill(error?: unknown): Promise<void>;
  /** Lets the process end by itself, as it does when nobody can send it jobs any more. */
  end(): Promise<void>;
}

const lastLines = (file: string, count: number): string => {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
  } catch {
    return ''; // it never got as far as writing one
  }
};

/** Starts the process and returns at once: dbt's import takes seconds, and a job that is sent meanwhile waits for it. */
export function startWorker(config: Config): Worker {
  const folders = dbtFolders(config);
  mkdirSync(folders.logs, { recursive: true });
  mkdirSync(folders.target, { recursive: true });
  const child = execa(folders.python, [path.join(import.meta.dirname, 'worker.py')], {
    cwd: config.projectRoot,
    env: dbtEnvironment(config),
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
    buffer: false,
    reject: false,
    forceKillAfterDelay: 2_000,
  });
  const jobs = new Map<number, Job>();
  let nextId = 1;
  let alive = true;
  let killedWith: unknown = null;

  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = JSON.parse(line) as { event: string; id: number } & NodeFinished & DbtAnswer;
    const job = jobs.get(message.id);
    if (message.event === 'node') job?.onNode(message);
    if (message.event !== 'done' || !job) return;
    jobs.delete(message.id);
    job.resolve(message);
  });
  child.stdin.on('error', () => undefined); // a process that is gone shows by its exit, below
  const ended = child.then((outcome) => {
    alive = false;
    const how = outcome.signal ? `signal ${outcome.signal}` : `exit code ${outcome.exitCode ?? 'unknown'}`;
    for (const job of jobs.values())
      job.reject(killedWith ?? dbtErrors.died(how, lastLines(folders.outputFile, 5), folders.outputFile));
    jobs.clear();
  });

  return {
    get alive() {
      return alive;
    },
    get pid() {
      return child.pid;
    },
    invoke(args, parameters, onNode) {
      const id = nextId++;
      return new Promise((resolve, reject) => {
        if (!alive) {
          reject(dbtErrors.died('before it was asked', lastLines(folders.outputFile, 5), folders.outputFile));
          return;
        }
        jobs.set(id, { onNode, resolve, reject });
        child.stdin.write(`${JSON.stringify({ id, args, parameters })}\n`);
      });
    },
    async kill(error) {
      killedWith = error ?? killedWith ?? dbtErrors.aborted();
      child.kill('SIGKILL'); // DuckDB's file survives it: what was not committed never happened
      await ended;
    },
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}
