import { execFileSync, fork, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { LoadOptions, LoadResult } from './serving/load.ts';
import { configOf, enrol, prepare, publish } from './serving/world.ts';
import { freePort } from '../tests/services/free-port.ts';
import { printTable } from './table.ts';

export const claim =
  'personalised feeds a second on one core, beside a bare Fastify route and FastAPI; latency during a hot swap; start and memory';

const here = path.join(import.meta.dirname, 'serving');
const hasTaskset = existsSync('/usr/bin/taskset');

/** Starts a program of this folder on one core. */
function start(file: string, args: string[], core: number): ChildProcess {
  const child = fork(path.join(here, file), args, {
    execPath: process.execPath,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { ...process.env, FEEDTRIAL_LOG_LEVEL: 'error' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  if (hasTaskset)
    execFileSync('taskset', ['-a', '-c', '-p', String(core), String(child.pid)], { stdio: 'ignore' });
  return child;
}

function heard<T>(child: ChildProcess, key: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => {
      reject(new Error(`it ended with ${code} before '${key}'`));
    };
    const listen = (message: unknown): void => {
      if ((message as Record<string, unknown>)[key] === undefined) return;
      child.off('message', listen);
      child.off('exit', ended);
      resolve(message as T);
    };
    child.on('message', listen);
    child.once('exit', ended);
  });
}

interface Usage {
  cpuSeconds: number;
  rssMb: number;
}

const ownUsage = (child: ChildProcess) => (): Promise<Usage> => {
  const answer = heard<Usage>(child, 'cpuSeconds');
  child.send({ ask: 'usage' });
  return answer;
};

/** Of a process that can't be asked, by the kernel. */
const usageOf = (pid: number) => async (): Promise<Usage> => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    rssMb: (Number(fields[21]) * 4096) / 2 ** 20,
  };
};

async function ask(
  options: LoadOptions,
  usage: () => Promise<Usage>,
  during?: () => Promise<void>,
): Promise<LoadResult & Usage> {
  const generator = start('load.ts', [JSON.stringify(options)], 1);
  await heard(generator, 'ready');
  const before = await usage();
  const result = heard<{ result: LoadResult }>(generator, 'result');
  generator.send({ go: true });
  await during?.();
  const answered = (await result).result;
  const after = await usage();
  return { ...answered, cpuSeconds: after.cpuSeconds - before.cpuSeconds, rssMb: after.rssMb };
}

/** Ticks that the host took from this machine, and all ticks. */
function ticks(): { steal: number; all: number } {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n')[0]?.split(/\s+/).slice(1).map(Number) ?? [];
  return { steal: fields[7] ?? 0, all: fields.reduce((sum, n) => sum + n, 0) };
}

const row = (
  server: string,
  { requests, seconds, cpuSeconds, statuses, bodyBytes, rssMb, p50, p99 }: LoadResult & Usage,
) => ({
  server,
  requests,
  'requests/s': Math.round(requests / seconds),
  'requests/CPU-s': Math.round(requests / cpuSeconds),
  bytes: bodyBytes,
  'p50 ms': p50,
  'p99 ms': p99,
  'RSS MB': Math.round(rssMb),
  answers: Object.entries(statuses)
    .map(([status, n]) => `${n} x ${status}`)
    .join(', '),
});

/** All that the peer needs, to the last dependency. */
const peerPins = [
  'annotated-types==0.8.0',
  'anyio==4.16.0',
  'click==8.5.1',
  'coincurve==21.0.0',
  'fastapi==0.119.1',
  'h11==0.16.0',
  'httptools==0.7.1',
  'idna==3.20',
  'orjson==3.11.4',
  'pydantic==2.14.4',
  'pydantic_core==2.50.5',
  'starlette==0.48.0',
  'typing-inspection==0.4.5',
  'typing_extensions==4.16.0',
  'uvicorn==0.38.0',
  'uvloop==0.22.1',
];

/** A Python environment for the peer alone; null where it can't be made, with the reason said. */
function peerPython(folder: string): string | null {
  const venv = path.join(os.homedir(), '.cache', 'feedtrial-bench', 'fastapi');
  const python = path.join(venv, 'bin', 'python');
  try {
    if (!existsSync(path.join(venv, 'made'))) {
      execFileSync('python3', ['-m', 'venv', '--clear', venv]);
      execFileSync(python, [
        ...['-m', 'pip', 'install', '-q', '--no-deps', '--disable-pip-version-check'],
        ...peerPins,
      ]);
      execFileSync('touch', [path.join(venv, 'made')]);
    }
    return python;
  } catch (error) {
    console.log(`FastAPI is left out: ${String((error as Error).message).split('\n')[0]} (${folder})`);
    return null;
  }
}

/** `feedtrial serve` as an operator starts it, until `/ready` says so. */
async function startup(folder: string): Promise<{ seconds: number; rssMb: number }> {
  const config = configOf(folder);
  const port = await freePort();
  const begun = performance.now();
  const child = spawn(
    process.execPath,
    [path.join(import.meta.dirname, '../ops/cli/feedtrial.js'), 'serve', '--port', String(port)],
    {
      stdio: 'ignore',
      env: {
        ...process.env,
        FEEDTRIAL_LAKE: config.lake,
        FEEDTRIAL_PRIVATE_LAKE: config.privateLake,
        FEEDTRIAL_SPOOL: config.spool,
        FEEDTRIAL_STUDY_DB: config.studyDb,
        FEEDTRIAL_LOG_LEVEL: 'error',
      },
    },
  );
  try {
    for (;;) {
      const ready = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => null);
      if (ready?.status === 200) break;
      if (performance.now() - begun > 60_000) throw new Error('the server was not ready within a minute');
      await sleep(5);
    }
    const seconds = (performance.now() - begun) / 1000;
    await sleep(1_000);
    return { seconds, rssMb: (await usageOf(child.pid as number)()).rssMb };
  } finally {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
  }
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      requests: { type: 'string', default: '40000' },
      participants: { type: 'string', default: '10000' },
      connections: { type: 'string', default: '32' },
      seconds: { type: 'string', default: '15' },
      only: { type: 'string', default: 'throughput,peer,swap,start' },
    },
  });
  const accounts = Number(values.participants);
  const only = values.only.split(',');
  const folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-bench-'));
  const started: { kill: (signal: 'SIGKILL') => boolean }[] = [];
  try {
    const config = configOf(folder);
    await enrol(config, accounts);
    await publish(config, 'g1', accounts, 100);
    const base: LoadOptions = {
      port: 0,
      accounts,
      requests: Number(values.requests),
      connections: Number(values.connections),
      rate: 0,
    };

    const server = start('server.ts', ['feedtrial', folder, String(accounts)], 0);
    started.push(server);
    const { port } = await heard<{ port: number }>(server, 'port');
    // every key is known and the code is warm, as on any day but the first
    const warm = await ask({ ...base, port, requests: accounts + 5_000 }, ownUsage(server));
    if (only.includes('throughput')) {
      const ours = await ask({ ...base, port }, ownUsage(server));
      const rows = [row('feedtrial', ours)];
      const control = start('server.ts', ['control', folder, String(accounts), String(ours.bodyBytes)], 0);
      started.push(control);
      const at = await heard<{ port: number }>(control, 'port');
      await ask({ ...base, port: at.port, requests: 10_000 }, ownUsage(control));
      const bare = await ask({ ...base, port: at.port }, ownUsage(control));
      rows.push(row('bare Fastify', bare));
      control.kill('SIGKILL');
      const python = only.includes('peer') ? peerPython(folder) : null;
      let peer: (LoadResult & Usage) | null = null;
      if (python !== null) {
        const peerPort = await freePort();
        const command = [python, path.join(here, 'peer.py'), folder, String(accounts), String(peerPort)];
        const child = hasTaskset
          ? spawn('taskset', ['-c', '0', ...command], { stdio: ['ignore', 'inherit', 'inherit'] })
          : spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] });
        started.push(child);
        for (let attempt = 0; attempt < 600; attempt++) {
          if ((await fetch(`http://127.0.0.1:${peerPort}/`).catch(() => null)) !== null) break;
          await sleep(100);
        }
        await ask({ ...base, port: peerPort, requests: 3_000 }, usageOf(child.pid as number));
        peer = await ask({ ...base, port: peerPort, requests: 10_000 }, usageOf(child.pid as number));
        rows.push(row('FastAPI', peer));
        child.kill('SIGKILL');
      }
      printTable(rows);
      const share = (of: (side: LoadResult & Usage) => number, other: LoadResult & Usage): string =>
        `${((of(ours) / of(other)) * 100).toFixed(0)}%`;
      const wall = ({ requests, seconds }: LoadResult): number => requests / seconds;
      const cpu = ({ requests, cpuSeconds }: LoadResult & Usage): number => requests / cpuSeconds;
      console.log(`of the bare route: ${share(wall, bare)} by wall clock, ${share(cpu, bare)} by CPU second`);
      if (peer !== null)
        console.log(`of FastAPI: ${share(wall, peer)} by wall clock, ${share(cpu, peer)} by CPU second\n`);
    }
    if (only.includes('swap')) {
      const rate = 1_000;
      const seconds = Number(values.seconds);
      const rows: Record<string, string | number>[] = [];
      // a window in which the host took the processor away says nothing of the server
      for (let attempt = 1; attempt <= 3; attempt++) {
        const point = await prepare(config, `swap-${attempt}`, accounts, 100);
        const before = ticks();
        const options = { ...base, port, requests: rate * seconds, connections: 64, rate };
        const swapped = await ask(options, ownUsage(server), async () => {
          await sleep((seconds / 3) * 1000);
          await point();
        });
        const after = ticks();
        const steal = ((after.steal - before.steal) / (after.all - before.all)) * 100;
        rows.push({
          window: attempt,
          'requests/s': rate,
          'p50 ms': swapped.p50,
          'p99 ms': swapped.p99,
          'max ms': swapped.max,
          'steal %': steal,
          answers: JSON.stringify(swapped.statuses),
        });
        if (steal < 2 && swapped.p99 <= 25) break;
      }
      console.log(`${accounts} feeds swapped while ${rate} requests/s come`);
      printTable(rows);
    }
    server.kill('SIGKILL');
    if (only.includes('start')) {
      const runs = [await startup(folder), await startup(folder), await startup(folder)];
      const best = runs.toSorted((a, b) => a.seconds - b.seconds)[0];
      console.log(
        `\n'feedtrial serve' with ${accounts} feeds of 100: ready after ${runs.map(({ seconds }) => seconds.toFixed(2)).join(', ')} s; ${best?.rssMb.toFixed(0)} MB, ${warm.rssMb.toFixed(0)} MB when every participant has asked`,
      );
    }
  } finally {
    for (const child of started) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}
