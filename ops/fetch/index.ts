/** Fetching from hosts that the network names, which must never be this machine's own neighbours. */
export { fetchJson, type FetchJsonOptions } from './fetch-json.ts';
export { FetchFailure, type FetchProblem } from './failure.ts';
export { closeIdleConnections } from './guard.ts';
export { openStream, type StreamedAnswer, type StreamOptions } from './open-stream.ts';
export { isPublicAddress } from './public-address.ts';
