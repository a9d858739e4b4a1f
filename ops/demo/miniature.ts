import {
  planNetwork,
  populate,
  serviceToken,
  startNetwork,
  startRestampingRelay,
  type Network,
  type Population,
  type RestampingRelay,
  type Session,
} from '../../tests/network/index.ts';
import type { Config } from '../config/index.ts';
import { createProgress, type Progress } from '../progress/index.ts';
import { getFeedSkeleton } from './ask.ts';

/** A Bluesky in miniature with its history written. */
export interface Miniature {
  /** The given configuration, pointed at this network. */
  config: Config;
  network: Network;
  population: Population;
  relay: RestampingRelay;
  /** Accounts whose owners take part in the study. */
  participants: Session[];
  /** A new service token of an account for reading its feed, signed by the PDS. */
  feedToken(account: Session): Promise<string>;
  close(): Promise<void>;
}

/** Starts a PLC directory and a PDS, writes the network of a seed to them, and puts the restamping relay before them. */
export async function startMiniature(options: {
  config: Config;
  seed: string;
  /** Folder for what the network keeps; removed with it. */
  folder: string;
  signal?: AbortSignal;
  now?: () => number;
}): Promise<Miniature> {
  const { config, seed, folder, signal, now = Date.now } = options;
  const plan = planNetwork(seed);
  const network = await startNetwork({ folder });
  let relay: RestampingRelay | undefined;
  const close = async (): Promise<void> => {
    await relay?.close();
    await network.close();
  };
  try {
    const accounts = createProgress({ label: 'accounts', total: plan.accounts.length });
    let commits: Progress | undefined; // its clock starts with the first commit
    let created = 0;
    const population = await populate({
      plan,
      pdsUrl: network.pdsUrl,
      endUs: now() * 1000,
      ...(signal ? { signal } : {}),
      onAccount: () => {
        accounts.advance();
        created += 1;
        if (created === plan.accounts.length) accounts.done();
      },
      onSession: () => {
        commits ??= createProgress({ label: 'commits', total: plan.sessions.length });
        commits.advance();
      },
    });
    commits?.done();
    relay = await startRestampingRelay({ pdsUrl: network.pdsUrl, population });
    await relay.caughtUp;
    return {
      config: { ...config, plcUrl: network.plcUrl, relayUrl: relay.url },
      network,
      population,
      relay,
      participants: population.accounts.filter((_, i) => plan.accounts[i]?.role === 'participant'),
      feedToken: (account) => serviceToken(network.pdsUrl, account, config.serviceDid, getFeedSkeleton),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
