import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openEngine, openLake, readPulse, readTable, tables } from '../lake/index.ts';
import { loadConfig } from '../ops/config/index.ts';
import { memoryOf } from './memory-of.ts';
import { printTable } from './table.ts';

export const claim =
  'ten minutes at 2,000 events/s, landing every minute: memory stays where it is, and every commit lands once, verified';

const cli = path.join(import.meta.dirname, '../ops/cli/main.ts');

const start = (args: string[], env: Record<string, string>): ChildProcess =>
  spawn(process.execPath, ['--disable-warning=ExperimentalWarning', cli, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });

/** What a process prints and how it ends. */
async function finished(child: ChildProcess): Promise<{ code: number | null; printed: string }> {
  let printed = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, printed };
}

/** Processor time of a process so far; seconds. */
function cpuOf({ pid }: ChildProcess): number {
  const fields = fs
    .readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rate: { type: 'string', default: '2000' },
      seconds: { type: 'string', default: '600' },
      accounts: { type: 'string', default: '2000' },
    },
  });
  const rate = Number(values.rate);
  const seconds = Number(values.seconds);
  const events = rate * seconds;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'feedtrial-soak-'));
  const env = {
    FEEDTRIAL_LAKE: path.join(folder, 'lake'),
    FEEDTRIAL_SPOOL: path.join(folder, 'spool'),
    FEEDTRIAL_PRIVATE_LAKE: path.join(folder, 'private'),
    FEEDTRIAL_ALLOW_LOOPBACK: '1',
    FEEDTRIAL_LOG_LEVEL: 'error',
  };
  const config = loadConfig(env, folder);
  const children: ChildProcess[] = [];
  const leave = (): never => {
    for (const child of children) child.kill('SIGKILL');
    fs.rmSync(folder, { recursive: true, force: true });
    process.exit(130);
  };
  process.once('SIGINT', leave).once('SIGTERM', leave);
  const begin = (given: string[]): ChildProcess => {
    const child = start(given, env);
    children.push(child);
    return child;
  };
  try {
    const relay = begin([
      'rehearse',
      'relay',
      '--rate',
      values.rate,
      '--accounts',
      values.accounts,
      '--events',
      String(events),
    ]);
    let said = '';
    relay.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text));
    const urls = (): string[] => [...said.matchAll(/(?:ws|http):\/\/127\.0\.0\.1:\d+/g)].map(([url]) => url);
    while (urls().length < 2 && relay.exitCode === null) await wait(50);
    const [relayUrl = '', plcUrl = ''] = urls();
    const capture = begin([
      'capture',
      '--source',
      'firehose',
      '--url',
      relayUrl,
      '--plc-url',
      plcUrl,
      '--max-events',
      String(events),
      '--idle-exit',
      '60',
      '--json',
    ]);
    const captured = finished(capture);
    const beganMs = performance.now();
    const rows: Record<string, number | string>[] = [];
    let landings: Promise<unknown> = Promise.resolve();
    let landPeakMb = 0;
    const land = async (): Promise<void> => {
      const child = begin(['land', '--json']);
      const done = finished(child);
      while (child.exitCode === null && child.signalCode === null) {
        try {
          landPeakMb = Math.max(landPeakMb, memoryOf(child.pid ?? 0).peakMb);
        } catch {
          break; // it has ended
        }
        await wait(100);
      }
      const { code } = await done;
      if (code !== 0) throw new Error(`landing ended with ${code}`);
    };
    const everyS = Math.max(1, Math.round(seconds / 10));
    for (let minute = 1; capture.exitCode === null; minute++) {
      while (performance.now() - beganMs < minute * everyS * 1000 && capture.exitCode === null)
        await wait(200);
      if (capture.exitCode !== null) break;
      const pulse = readPulse(config.spool, 'firehose');
      const { rssMb, peakMb } = memoryOf(capture.pid ?? 0);
      rows.push({
        'after s': Math.round((performance.now() - beganMs) / 1000),
        events: pulse?.events ?? 0,
        'events/s': Math.round(pulse?.eventsPerSecond ?? 0),
        'lag s': pulse?.lagSeconds ?? '',
        'capture RSS MB': Math.round(rssMb),
        'highest MB': Math.round(peakMb),
        'capture CPU s': Math.round(cpuOf(capture)),
        'relay CPU s': Math.round(cpuOf(relay)),
        'landing, highest MB': Math.round(landPeakMb),
      });
      console.log(JSON.stringify(rows.at(-1)));
      landings = landings.then(land);
      landings.catch(() => undefined);
    }
    const { code, printed } = await captured;
    await landings;
    await land();
    printTable(rows);
    const summary = JSON.parse(printed) as { events: number; rows: Record<string, number>; rejected: object };
    const lake = openLake(config.lake);
    const engine = await openEngine({});
    const [found] = await engine.rows<Record<string, bigint>>(`
      SELECT count(*) AS landed, count(DISTINCT (did, collection, rkey, rev)) AS distinct_operations,
        count(*) FILTER (WHERE NOT verified) AS unverified
      FROM ${readTable(lake, tables.records)}`);
    const gaps = await engine.rows(`
      SELECT kind, state, count(*) AS n FROM ${readTable(lake, tables.gaps)} GROUP BY ALL ORDER BY ALL`);
    await engine.close();
    console.log(`capture ended with ${code}:`, {
      events: summary.events,
      rows: summary.rows,
      rejected: summary.rejected,
    });
    console.log('in the lake:', found, 'gaps:', gaps);
    const whole =
      code === 0 &&
      summary.events === events &&
      Number(found?.landed) === summary.rows.record &&
      found?.distinct_operations === found?.landed &&
      Number(found?.unverified) === 0;
    console.log(whole ? `all ${events} events landed once` : 'NOT all that was sent landed once');
    if (!whole) process.exitCode = 1;
  } finally {
    for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
