/** Fetching from hosts that the network names, which must never be this machine's own neighbours. */
export { closeIdleConnections, fetchJson, FetchFailure, type FetchJsonOptions } from './fetch-json.ts';
export { isPublicAddress } from './public-address.ts';
