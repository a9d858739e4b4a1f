import {
  openSyntheticNetwork,
  startSyntheticDirectory,
  startSyntheticRelay,
  type SyntheticDirectory,
  type SyntheticEvent,
  type SyntheticRelay,
} from '../../ops/rehearse/index.ts';

export interface SyntheticServers {
  relay: SyntheticRelay;
  directory: SyntheticDirectory;
  /** What the stream has said so far and will say next, in order. */
  events: SyntheticEvent[];
  close(): Promise<void>;
}

/** A relay and a directory of a synthetic network, with what its stream says. */
export async function startSyntheticServers(options: {
  seed?: string;
  accounts: number;
  events: number;
  rate?: number;
  windowBytes?: number;
}): Promise<SyntheticServers> {
  const { seed = 'a test', accounts, events: most, rate = Infinity, windowBytes } = options;
  const network = openSyntheticNetwork({ seed, accounts });
  const events: SyntheticEvent[] = [];
  const directory = await startSyntheticDirectory({ document: (did) => network.document(did) });
  const relay = await startSyntheticRelay({
    rate,
    madeAhead: most,
    ...(windowBytes === undefined ? {} : { windowBytes }),
    next(nowUs) {
      if (events.length >= most) return null;
      const event = network.next(nowUs);
      events.push(event);
      return event;
    },
  });
  return {
    relay,
    directory,
    events,
    async close() {
      await relay.close();
      await directory.close();
    },
  };
}
