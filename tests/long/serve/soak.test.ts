import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import type { LoadResult } from '../../../bench/serving/load.ts';
import { configOf, enrol, publish } from '../../../bench/serving/world.ts';
import { land } from '../../../extract/land/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { temporaryFolder } from '../../folders.ts';

const minutes = Number(process.env.SOAK_MINUTES ?? '30');
const rate = 500;
const accounts = 2_000;
const limit = 10; // a landed exposure is a row a post, and landing is not what is tried here

const start = (file: string, args: string[]): ChildProcess => {
  const child = fork(path.join(projectRoot, 'bench/serving', file), args, {
    execPath: process.execPath,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { ...process.env, FEEDTRIAL_LOG_LEVEL: 'error' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
};

const heard = <T>(child: ChildProcess, key: string): Promise<T> =>
  new Promise((resolve, reject) => {
    const listen = (message: Record<string, unknown>): void => {
      if (message[key] === undefined) return;
      child.off('message', listen);
      resolve(message as T);
    };
    child.on('message', listen);
    child.once('exit', () => {
      reject(new Error(`it ended before '${key}'`));
    });
  });

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

it(
  `answers ${rate} requests/s for ${minutes} minutes in constant memory, while generations are swapped`,
  { timeout: (2 * minutes + 10) * 60_000 }, // a busy machine falls behind the rate, and the load catches up,
  async () => {
    const folder = temporaryFolder();
    const config = configOf(folder);
    await enrol(config, accounts);
    await publish(config, 'g0', accounts, 100);
    const server = start('server.ts', ['feedtrial', folder, String(accounts)]);
    server.setMaxListeners(0);
    const { port } = await heard<{ port: number }>(server, 'port');
    const requests = rate * 60 * minutes;
    const load = start('load.ts', [
      JSON.stringify({ port, accounts, requests, connections: 64, rate, limit }),
    ]);
    await heard(load, 'ready');
    const result = heard<{ result: LoadResult }>(load, 'result');
    load.send({ go: true });
    const begun = performance.now();
    const memory: { minute: number; rssMb: number; cpuSeconds: number }[] = [];
    let over = false;
    void result.finally(() => (over = true));
    let landed = 0;
    const landNow = async (): Promise<void> => {
      landed += (await land({ config })).rows.exposures ?? 0;
    };
    for (let [swaps, landings] = [0, 0]; !over;) {
      await sleep(10_000);
      const minute = (performance.now() - begun) / 60_000;
      const asked = heard<{ rssMb: number; cpuSeconds: number }>(server, 'rssMb');
      server.send({ ask: 'usage' });
      memory.push({ minute, ...(await asked) });
      if (memory.length % 6 === 0)
        console.log(`minute ${minute.toFixed(1)}: ${memory.at(-1)?.rssMb.toFixed(0)} MB`);
      if (minute > swaps + 1) await publish(config, `g${++swaps}`, accounts, 100);
      if (minute > (landings + 1) * 5) {
        landings++;
        await landNow();
      }
    }
    const { statuses, p50, p99, max } = (await result).result;
    const closed = heard<{ lines: number }>(server, 'lines');
    server.send({ ask: 'close' });
    const { lines } = await closed;
    await landNow();
    // the first third fills the caches (keys, used tokens, feeds, compiled code, four generations) and lets the heap grow to its size
    const rss = memory.map(({ rssMb }) => rssMb);
    const third = Math.floor(rss.length / 3);
    const [early, late] = [median(rss.slice(third, 2 * third)), median(rss.slice(-third))];
    console.log(
      `${requests} requests: ${JSON.stringify(statuses)}; p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(0)} ms; ` +
        `CPU ${memory.at(-1)?.cpuSeconds.toFixed(0)} s; ${lines} exposures written, ${landed} posts of them landed; RSS middle third ${early.toFixed(0)} MB, last ${late.toFixed(0)} MB, every minute: ` +
        memory
          .filter((_, i) => i % 6 === 5)
          .map(({ rssMb }) => rssMb.toFixed(0))
          .join(' '),
    );
    expect(statuses).toEqual({ 200: requests });
    expect([lines, landed]).toEqual([requests, requests * limit]);
    expect(late).toBeLessThan(early * 1.05 + 5);
  },
);
