export {
  excludelistedHandle,
  planNetwork,
  superposterHandle,
  type NetworkPlan,
  type PlannedAccount,
  type PlannedPost,
  type Role,
} from './plan.ts';
export { populate, type Population } from './populate.ts';
export { startNetwork, type Network } from './start.ts';
export { startRestampingRelay, type RestampingRelay } from './relay.ts';
export { serviceToken, type Session } from './xrpc.ts';
