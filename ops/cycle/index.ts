/** The stages in their order, by themselves or as one cycle. */
export { cycle, type CycleOptions, type CycleStage, type CycleSummary } from './cycle.ts';
export { rank, type RankOptions, type RankSummary } from './rank.ts';
export { transform, type TransformOptions, type TransformSummary } from './transform.ts';
export { takeLease, type Lease } from './lease.ts';
