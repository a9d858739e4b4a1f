// Starts every periodic job at its time, where neither cron nor systemd does: in containers, on Slurm. Always on.
import path from 'node:path';
import { execa } from 'execa';
import { log } from '../telemetry/index.ts';
import { scriptArguments } from './job.ts';
import { due } from './times.ts';

const minuteMs = 60_000;
const { env } = scriptArguments(process.argv.slice(2));
const running = new Map<string, ReturnType<typeof start>>();

function start(job: string) {
  const file = path.join(import.meta.dirname, `${job}.ts`);
  return execa(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', file, ...(env === undefined ? [] : ['--env', env])],
    { stdio: ['ignore', 'inherit', 'inherit'], reject: false },
  );
}

function startDue(nowMs: number): void {
  for (const job of due(nowMs)) {
    if (running.has(job)) continue; // still at work: what it misses now, the next start catches up with
    const child = start(job);
    running.set(job, child);
    void child.then(({ exitCode }) => {
      running.delete(job);
      if (exitCode !== 0) log.warn('a job ended badly', { job, exit_code: exitCode ?? null });
    });
  }
}

let timer: NodeJS.Timeout;
function waitForMinute(): void {
  timer = setTimeout(
    () => {
      startDue(Date.now());
      waitForMinute();
    },
    minuteMs - (Date.now() % minuteMs) + 100, // a timer may be a little early
  );
}

const stop = async (): Promise<void> => {
  clearTimeout(timer);
  for (const child of running.values()) child.kill('SIGTERM');
  await Promise.all(running.values());
  process.exit(0);
};
process.on('SIGTERM', () => void stop());
process.on('SIGINT', () => void stop());
waitForMinute();
