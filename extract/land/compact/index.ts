export { compact, type CompactOptions, type CompactStep, type CompactSummary } from './compact.ts';
export { countRows } from './compact.ts';
export { readCompactions, type Compaction, type CountedFile } from './manifest.ts';
