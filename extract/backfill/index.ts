/** Backfill: what was before capture began, or went past it: repositories, posts behind likes, missed windows, profiles. */
export { backfillRepositories, type RepositoriesOptions } from './repositories.ts';
export { backfillCarFile, type CarFileOptions } from './car-file.ts';
export { findTargets, type TargetsOf } from './targets.ts';
export { backfillErrors } from './errors.ts';
export type { BackfillOptions, BackfillSummary, Missed } from './session.ts';
/** Repositories, for benchmarks and whoever checks one. */
export { readCar, type RepositoryBlocks } from './repository/read-car.ts';
export { layerOf, walkTree, type TreeEntry } from './repository/walk.ts';
export { verifyRepository, type VerifiedRepository } from './repository/verify.ts';
export { tidMicroseconds, witnessTime } from './repository/tid.ts';
export { recordLines } from './spool/lines.ts';
export { openHost, retryAfterMs } from './network/host.ts';
export { publishBackfillQueues } from './queue.ts';
export { backfillPosts, type RecordsOptions } from './records.ts';
export { backfillProfiles, type ProfilesOptions } from './profiles.ts';
export { backfillWindow, type WindowOptions } from './window.ts';
