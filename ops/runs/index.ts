/** Run records: what ran, how it ended, and what was killed before it could say so. */
export { clock, describeRun, describeRuns, span } from './describe.ts';
export { foldRuns, type Run, type RunRow, type StageRun } from './fold.ts';
export { readRuns, type ReadRunsOptions } from './read.ts';
export { buryDead, type BuryOptions } from './bury.ts';
export { isAlive } from './liveness.ts';
