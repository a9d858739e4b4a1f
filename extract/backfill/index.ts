/** Backfill: what was before capture began, or went past it: repositories, posts behind likes, missed windows, profiles. */
export { readCar, type RepositoryBlocks } from './repository/read-car.ts';
export { layerOf, walkTree, type TreeEntry } from './repository/walk.ts';
export { verifyRepository, type VerifiedRepository } from './repository/verify.ts';
export { recordLines } from './spool/lines.ts';
