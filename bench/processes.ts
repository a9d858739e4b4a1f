import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { CaptureSettings, FromLoad, FromReader, LoadSettings, Reading } from './load/messages.ts';

/** What was offered, and what the reader came to. */
export interface Measured extends Reading {
  offered: { bytes: number; operations: number; seconds: number };
}

const start = (file: string, settings: object, execArgv: string[] = []): ChildProcess =>
  fork(path.join(import.meta.dirname, 'load', file), [JSON.stringify(settings)], {
    execArgv: ['--disable-warning=ExperimentalWarning', ...execArgv],
    env: { ...process.env, FEEDTRIAL_LOG_LEVEL: 'error' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });

/** The next message of a kind; rejects if the process ends first. */
function heard<M extends { kind: string }, K extends M['kind']>(
  child: ChildProcess,
  kind: K,
): Promise<Extract<M, { kind: K }>> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`it ended with ${code} before '${kind}'`));
    child.once('exit', ended);
    const listen = (message: unknown): void => {
      if ((message as M).kind !== kind) return;
      child.off('exit', ended);
      child.off('message', listen);
      resolve(message as Extract<M, { kind: K }>);
    };
    child.on('message', listen);
  });
}

/**
 * Runs a load generator and a reader, each in a process of its own: both are warmed up, then what the reader does with the
 * rest is measured, from the word to go until the last of it is durable.
 * @param reader file in bench/load
 * @param profile folder for a CPU profile of the reader
 */
export async function measure(
  reader: string,
  load: LoadSettings,
  capture: Partial<CaptureSettings> = {},
  profile: string | null = null,
): Promise<Measured> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-bench-'));
  const generator = start('generate.ts', load);
  let reading: ChildProcess | null = null;
  try {
    const listening = await heard<FromLoad, 'listening'>(generator, 'listening');
    const settings: CaptureSettings = {
      source: load.kind === 'jetstream' ? 'jetstream' : 'firehose',
      url: listening.url,
      plcUrl: listening.plcUrl,
      folder,
      count: load.count,
      warm: load.warm,
      workers: 2,
      diskDelayMs: 0,
      diskDelayForMs: 0,
      ...capture,
    };
    reading = start(reader, settings, profile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]);
    await heard<FromReader, 'warm'>(reading, 'warm');
    const going = heard<FromReader, 'going'>(reading, 'going');
    reading.send({ kind: 'go' });
    await going;
    const sent = heard<FromLoad, 'sent'>(generator, 'sent');
    const done = heard<FromReader, 'done'>(reading, 'done');
    const exited = new Promise((resolve) => (reading as ChildProcess).once('exit', resolve));
    generator.send({ kind: 'go' });
    const { reading: result } = await done;
    const { seconds } = await sent;
    await exited;
    return { ...result, offered: { bytes: listening.bytes, operations: listening.operations, seconds } };
  } finally {
    reading?.kill('SIGKILL');
    generator.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}
