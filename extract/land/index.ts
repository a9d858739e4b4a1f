/** Sealed segments of the spool to Parquet in the lake: atomic, idempotent, resumable. */
export { land, type LandOptions, type LandSummary } from './land.ts';
export { manifestPath, type LandStep, type Manifest } from './batch.ts';
