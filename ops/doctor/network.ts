import WebSocket from 'ws';
import type { Config } from '../config/index.ts';
import { describeError } from '../errors/index.ts';
import { ok, warn, type Finding } from './check.ts';

const timeoutMs = 5_000;

/** Any answer proves that the directory can be reached. */
export async function checkPlc(config: Config): Promise<Finding> {
  try {
    const answer = await fetch(`${config.plcUrl}/_health`, { signal: AbortSignal.timeout(timeoutMs) });
    return ok('plc', `${config.plcUrl} answers ${answer.status}`);
  } catch (error) {
    return warn(
      'plc',
      `${config.plcUrl} cannot be reached: ${describeError(error)}`,
      'check the network and FEEDTRIAL_PLC_URL: without it capture cannot verify and the server cannot check tokens',
    );
  }
}

/** Opens the stream, takes nothing, and closes it. */
export async function checkStream(name: string, url: string, variable: string): Promise<Finding> {
  const target = new URL(url);
  if (name === 'relay' && !target.pathname.includes('/xrpc/'))
    target.pathname = '/xrpc/com.atproto.sync.subscribeRepos';
  const socket = new WebSocket(target, { handshakeTimeout: timeoutMs });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve());
      socket.once('error', reject);
    });
    return ok(name, `${url} answers`);
  } catch (error) {
    return warn(
      name,
      `${url} cannot be reached: ${describeError(error)}`,
      `check the network and ${variable}: without it nothing can be captured from there`,
    );
  } finally {
    socket.on('error', () => undefined); // of a handshake that is being cut off
    socket.terminate();
  }
}
