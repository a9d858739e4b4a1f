import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A network with a real AppView: PLC directory, PDS and AppView by @atproto/dev-env, in one process. */
export interface NetworkWithAppView {
  plcUrl: string;
  pdsUrl: string;
  appViewUrl: string;
  /** Creates a did:plc whose document names a feed server at this address. */
  createService(endpoint: string): Promise<string>;
  close(): Promise<void>;
}

const startMs = 240_000;

export async function startNetworkWithAppView(options: {
  postgresUrl: string;
  redisHost: string;
}): Promise<NetworkWithAppView> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'network-'));
  const child = fork(path.join(import.meta.dirname, 'serve-appview.ts'), [], {
    env: {
      ...process.env,
      TMPDIR: folder,
      LOG_ENABLED: 'false',
      NODE_NO_WARNINGS: '1',
      DB_POSTGRES_URL: options.postgresUrl,
      REDIS_HOST: options.redisHost,
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
      if (child.connected) child.send({ stop: true }, () => {});
      const force = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await ended;
      clearTimeout(force);
    }
    rmSync(folder, { recursive: true, force: true });
  };
  const timer = setTimeout(() => child.kill('SIGKILL'), startMs);
  const started = await Promise.race([
    once(child, 'message').then(
      ([message]) => message as { plcUrl: string; pdsUrl: string; appViewUrl: string },
    ),
    ended.then(() => undefined),
  ]);
  clearTimeout(timer);
  if (!started) {
    await close();
    throw new Error(`the network with an AppView did not start:\n${complaints}`);
  }
  return {
    ...started,
    async createService(endpoint) {
      const answer = once(child, 'message');
      child.send({ createService: endpoint });
      const [{ did }] = (await answer) as [{ did: string }];
      return did;
    },
    close,
  };
}
