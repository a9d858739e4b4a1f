import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** A fake in a process of its own, so that it neither slows the code under test nor dies with it. */
export interface FakeProcess<Report> {
  url: string;
  /** What it has seen so far. */
  report(): Promise<Report>;
  close(): Promise<void>;
}

/** @param script file beside this one, which sends `{url}` once it serves, and a report whenever it is sent one */
export async function startFakeProcess<Report>(
  script: string,
  options: object,
): Promise<FakeProcess<Report>> {
  const child: ChildProcess = fork(path.join(import.meta.dirname, script), [JSON.stringify(options)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const next = async (): Promise<unknown> => ((await once(child, 'message')) as unknown[])[0];
  const { url } = (await next()) as { url: string };
  return {
    url,
    async report() {
      child.send('report');
      return (await next()) as Report;
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}
