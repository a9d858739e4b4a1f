import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';

/** A running miniature network. */
export interface Network {
  plcUrl: string;
  pdsUrl: string;
  /** All of them, `pdsUrl` first. */
  pdsUrls: string[];
  /** What a PDS would mail to an account that wants to change its DID document. */
  mailedToken(pds: number, did: string): Promise<string>;
  /** The process that both run in. */
  pid: number;
  /** Ends the process and removes everything that it wrote. Safe to call twice. */
  close(): Promise<void>;
}

const startMs = 90_000;

/**
 * Starts a PLC directory and a PDS or several (all real, by @atproto/dev-env) in a process of their own, bound to 127.0.0.1. Their
 * data goes to a folder that is removed with them; if this process dies, they notice and do the same.
 */
export async function startNetwork(options: { folder?: string; pdses?: number } = {}): Promise<Network> {
  const folder = mkdtempSync(path.join(options.folder ?? os.tmpdir(), 'network-'));
  const child = fork(path.join(import.meta.dirname, 'serve.ts'), [], {
    env: {
      ...process.env,
      TMPDIR: folder,
      LOG_ENABLED: 'false',
      NODE_NO_WARNINGS: '1',
      NETWORK_PDSES: String(options.pdses ?? 1),
    },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let complaints = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-4_000);
  });
  const ended = once(child, 'exit');
  const close = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      if (child.connected) child.send('stop', () => {});
      const force = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await ended;
      clearTimeout(force);
    }
    rmSync(folder, { recursive: true, force: true });
  };
  const timer = setTimeout(() => child.kill('SIGKILL'), startMs);
  const started = await Promise.race([
    once(child, 'message').then(([message]) => message as { plcUrl: string; pdsUrls: string[] }),
    ended.then(() => undefined),
  ]);
  clearTimeout(timer);
  if (!started) {
    await close();
    throw new Error(`the network did not start:\n${complaints}`);
  }
  return {
    ...started,
    pdsUrl: started.pdsUrls[0] as string,
    async mailedToken(pds, did) {
      child.send({ pds, did });
      const [{ token }] = (await once(child, 'message')) as [{ token: string }];
      return token;
    },
    pid: child.pid as number,
    close,
  };
}
