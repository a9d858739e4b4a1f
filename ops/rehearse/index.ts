/** A network of signed commits made from a seed: to rehearse a study with, and for tests and benchmarks. */
export {
  openSyntheticNetwork,
  type SyntheticEvent,
  type SyntheticNetwork,
  type SyntheticNetworkOptions,
  type SyntheticOperation,
} from './network.ts';
export { startSyntheticRelay, type SyntheticRelay, type SyntheticRelayOptions } from './relay.ts';
export { startSyntheticDirectory, type SyntheticDirectory } from './directory.ts';
export { stampSeq, stampTime } from './stamp.ts';
export { rehearseRelay, type RehearseRelayOptions, type RelayRehearsal } from './rehearse-relay.ts';
