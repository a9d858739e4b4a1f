/** Sealed segments of the spool to Parquet in the lake: atomic, idempotent, resumable. */
export { land, type LandOptions, type LandSummary } from './land.ts';
export { manifestPath, type LandStep, type Manifest } from './batch.ts';
export { compact, type CompactOptions, type CompactStep, type CompactSummary } from './compact/index.ts';
export { verifyLake, type LakeVerification } from './verify-lake.ts';
export { redact, type RedactOptions, type RedactStep, type RedactSummary } from './redact/index.ts';
