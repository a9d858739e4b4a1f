/** The stages in their order, by themselves or as one cycle. */
export { cycle, type CycleOptions, type CycleStage, type CycleSummary } from './cycle.ts';
export { compareGenerations, type DiffReason, type FeedDiff, type GenerationsDiff } from './diff.ts';
export { rank, type RankOptions, type RankSummary } from './rank.ts';
export { readBuilt, transform, type TransformOptions, type TransformSummary } from './transform.ts';
export { takeLease, type Lease } from './lease.ts';
export { replay, type FeedVerdict, type ReplaySummary } from './replay.ts';
