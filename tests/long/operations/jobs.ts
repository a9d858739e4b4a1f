import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { projectRoot } from '../../../ops/config/config.ts';
import { isAlive } from '../../../ops/runs/index.ts';
import type { World } from './world.ts';

const node = path.join(projectRoot, 'node_modules/.bin/node');

export interface JobEnd {
  exitCode: number;
  said: string;
  seconds: number;
}

/** One script of the schedule, as a timer starts it. */
export interface Job {
  readonly pid: number;
  readonly ended: Promise<JobEnd>;
  kill(signal: NodeJS.Signals): void;
}

export function startJob(
  world: World,
  name: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Job {
  const began = performance.now();
  const child = execa(node, [path.join(projectRoot, `ops/schedule/${name}.ts`), ...args], {
    cwd: world.folder,
    env: { ...world.env, ...env },
    extendEnv: false,
    reject: false,
    all: true,
    maxBuffer: 5_000_000,
  });
  return {
    pid: child.pid ?? 0,
    ended: child.then(({ exitCode, all }) => ({
      exitCode: exitCode ?? -1,
      said: all,
      seconds: (performance.now() - began) / 1000,
    })),
    kill: (signal) => void child.kill(signal),
  };
}

export const runJob = (
  world: World,
  name: string,
  args?: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<JobEnd> => startJob(world, name, args, env).ended;

/** Setting of the processes that write the server's spool and land it. */
export const onServerSpool = (world: World): NodeJS.ProcessEnv => ({ FEEDTRIAL_SPOOL: world.serverSpool });

/** Runs a command of the CLI on the machine and gives what it prints with `--json`. */
export async function command<T>(world: World, ...args: string[]): Promise<T> {
  const { stdout, exitCode, stderr } = await execa(
    node,
    [path.join(projectRoot, 'ops/cli/main.ts'), ...args, '--json'],
    { cwd: world.folder, env: world.env, extendEnv: false, reject: false },
  );
  if (stdout === '') throw new Error(`feedtrial ${args.join(' ')} ended with ${exitCode}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** Processes that a process has started. */
export function childrenOf(pid: number): number[] {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((one) => {
      try {
        const stat = fs.readFileSync(`/proc/${one}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
      } catch {
        return false; // it has ended since
      }
    });
}

interface Row {
  stage: string;
  status: string;
  pid: number;
}

function spooledRuns(spool: string, seen: Set<string>): Row[] {
  const folder = path.join(spool, 'runs');
  let names: string[];
  try {
    names = fs.readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('.ndjson') && !seen.has(name))
    .flatMap((name) => {
      seen.add(name);
      try {
        const lines = fs.readFileSync(path.join(folder, name), 'utf8').trim().split('\n');
        return lines.map((line) => JSON.parse(line) as Row);
      } catch {
        return []; // landed since
      }
    });
}

/**
 * Starts a job and kills the command in it by SIGKILL, `afterMs` after a stage of it has begun; what it started itself must
 * be gone soon after.
 * @returns null where the stage was over before
 */
export async function killInStage(
  world: World,
  name: string,
  stage: string,
  afterMs: number,
): Promise<JobEnd | null> {
  const { spool } = world.config;
  const seen = new Set<string>();
  spooledRuns(spool, seen);
  const job = startJob(world, name);
  let ended: JobEnd | null = null;
  void job.ended.then((end) => (ended = end));
  let row: Row | undefined;
  while (row === undefined && ended === null) {
    row = spooledRuns(spool, seen).find((one) => one.stage === stage && one.status === 'running');
    if (row === undefined) await sleep(5);
  }
  if (row === undefined) return null;
  await sleep(afterMs);
  const over = (rows: Row[]): boolean =>
    rows.some((one) => one.stage === stage && one.pid === row.pid && one.status !== 'running');
  const others = childrenOf(row.pid);
  if (over(spooledRuns(spool, seen)) || !isAlive(row.pid)) {
    await job.ended;
    return null;
  }
  process.kill(row.pid, 'SIGKILL');
  const end = await job.ended;
  for (let waited = 0; others.some(isAlive); waited += 50) {
    if (waited > 20_000) throw new Error(`${name} was killed and left processes ${others.join(', ')} behind`);
    await sleep(50);
  }
  return end;
}
