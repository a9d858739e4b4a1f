import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { type SealedSegment, writeDurably } from '../../lake/index.ts';

/**
 * A batch in the making. It is on disk before the first file is put into the lake: whoever lands after a crash finishes
 * this batch, of these segments, under these names, before looking for other work. That is what makes a retry replace
 * files instead of adding to them.
 */
export interface BatchPlan {
  batch: string;
  segments: SealedSegment[];
}

export interface BatchLimits {
  maxBytes: number;
  maxSegments: number;
}

const planFile = (spool: string): string => path.join(spool, '_landing', 'plan.json');

/** Id that the same segments always give: the time of the oldest, then a digest of all their ids. */
export function batchId(segments: { id: string }[]): string {
  const ids = segments.map(({ id }) => id).sort();
  const digest = createHash('sha256').update(ids.join('\n')).digest('hex').slice(0, 16);
  return `${ids[0]?.slice(0, 13)}-${digest}`;
}

/** Takes segments, oldest first, until a batch is full; at least one. */
export function nextBatch(segments: SealedSegment[], limits: BatchLimits): SealedSegment[] {
  const taken: SealedSegment[] = [];
  let bytes = 0;
  for (const segment of segments) {
    if (taken.length > 0 && (bytes + segment.bytes > limits.maxBytes || taken.length >= limits.maxSegments))
      break;
    taken.push(segment);
    bytes += segment.bytes;
  }
  return taken;
}

export function writePlan(spool: string, plan: BatchPlan): void {
  writeDurably(planFile(spool), JSON.stringify(plan));
}

/** The batch that an earlier landing began and did not finish; null if there is none. */
export function readPlan(spool: string): BatchPlan | null {
  try {
    const plan = JSON.parse(fs.readFileSync(planFile(spool), 'utf8')) as BatchPlan;
    // the spool may have been moved since
    const segments = plan.segments.map((s) => ({
      ...s,
      file: path.join(spool, s.stream, path.basename(s.file)),
    }));
    return { ...plan, segments };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export function removePlan(spool: string): void {
  fs.rmSync(planFile(spool), { force: true });
}
