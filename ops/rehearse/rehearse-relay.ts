import { setTimeout as wait } from 'node:timers/promises';
import { startSyntheticDirectory } from './directory.ts';
import { openSyntheticNetwork } from './network.ts';
import { startSyntheticRelay } from './relay.ts';

export interface RehearseRelayOptions {
  /** Ports on 127.0.0.1; 0 takes any free one. */
  port: number;
  plcPort: number;
  /** Events a second. */
  rate: number;
  accounts: number;
  /** How many events the stream has. */
  events: number;
  seed: string;
  signal: AbortSignal;
  /** Called when both servers listen. */
  onListening: (urls: { relayUrl: string; plcUrl: string }) => void;
  /** How long the servers wait for a consumer to come, or to come back; milliseconds. */
  lingerMs?: number;
}

export interface RelayRehearsal {
  relayUrl: string;
  plcUrl: string;
  /** Events that the stream reached. */
  emitted: number;
  /** DID documents that were asked for. */
  documents: number;
  stoppedBy: 'end' | 'signal' | 'no-consumer';
}

/** Serves a synthetic network until its events are over and nobody reads any more, or until it is stopped. */
export async function rehearseRelay(options: RehearseRelayOptions): Promise<RelayRehearsal> {
  const { rate, accounts, events, seed, signal, onListening, lingerMs = 600_000 } = options;
  const network = openSyntheticNetwork({ seed, accounts });
  let made = 0;
  const directory = await startSyntheticDirectory({
    document: (did) => network.document(did),
    port: options.plcPort,
  });
  const relay = await startSyntheticRelay({
    next: (nowUs) => (made++ < events ? network.next(nowUs) : null),
    rate,
    port: options.port,
    madeAhead: Math.min(events, 10_000),
  }).catch(async (error: unknown) => {
    await directory.close();
    throw error;
  });
  let stoppedBy: RelayRehearsal['stoppedBy'] = 'signal';
  try {
    onListening({ relayUrl: relay.url, plcUrl: directory.url });
    let over = false;
    void relay.finished.then(() => (over = true));
    let seenMs = performance.now();
    while (!signal.aborted) {
      if (relay.consumers > 0) seenMs = performance.now();
      if (over && relay.consumers === 0) {
        stoppedBy = 'end';
        break;
      }
      if (performance.now() - seenMs > lingerMs) {
        stoppedBy = 'no-consumer';
        break;
      }
      await wait(100, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    await relay.close();
    await directory.close();
  }
  return {
    relayUrl: relay.url,
    plcUrl: directory.url,
    emitted: relay.emitted,
    documents: directory.asked,
    stoppedBy,
  };
}
