export type { Seal, SealedSegment } from './format.ts';
export { openSegmentWriter, writeDurably, type SegmentWriter, type SegmentWriterOptions } from './writer.ts';
export { listSealed, readSeals, recoverSegments, resumeCursor, type RecoverOptions } from './recover.ts';
export { pruneSeals } from './prune.ts';
export { openRate, readPulse, writePulse, type CapturePulse } from './pulse.ts';
