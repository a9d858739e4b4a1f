import fs from 'node:fs';
import type { Engine, Lake } from '../../lake/index.ts';
import { decodedRows, decodeSegments } from './decode/index.ts';
import type { SegmentFiles } from './decode/lines.ts';
import { landErrors } from './errors.ts';
import { collectFaults, type CountedSegment } from './faults.ts';
import { landedTables } from './landed-tables.ts';
import { removePlan, type BatchPlan } from './plan.ts';
import { verifySegment, type VerifiedSegment } from './verify.ts';
import { writePartitions, type LandedFile } from './write-partitions.ts';

/** Where a landing stands. Tests end the process at each of these and compare what a second landing makes of it. */
export type LandStep =
  | 'planned'
  | 'decoded'
  | 'file-written'
  | 'file-adopted'
  | 'files-adopted'
  | 'manifest-written'
  | 'segment-removed'
  | 'segments-removed'
  | 'plan-removed';

/** `raw/_manifests/<batch>.json`: what a batch was made of and where it went. Its presence says that the batch is whole. */
export interface Manifest {
  batch: string;
  segments: {
    id: string;
    stream: string;
    format: string;
    sha256: string;
    bytes: number;
    lines: number;
    cursor: number | null;
  }[];
  files: LandedFile[];
  /** Rows by table. */
  rows: Record<string, number>;
  /** Lines that went to `raw/rejected` because they were not what their format says. */
  malformed: number;
  /** Events whose stated time could not be and was replaced by the time of ingestion. */
  clamped: number;
  /** How far the latest live event was ahead of this machine's clock, microseconds; absent in older manifests. */
  ahead_us?: number;
  landed_ms: number;
}

export const manifestPath = (batch: string): string => `raw/_manifests/${batch}.json`;

export interface BatchContext {
  lake: Lake;
  engine: Engine;
  spool: string;
  /** What reading the segments through has shown, by id, where that has been done. */
  verified: Map<string, VerifiedSegment>;
  now: () => number;
  onStep: (step: LandStep) => void;
}

/**
 * Lands one planned batch: files into their partitions, then the manifest, then the segments out of the spool. Whatever
 * step it is stopped at, landing the same plan again ends in the same files with the same rows.
 */
export async function landBatch(plan: BatchPlan, context: BatchContext): Promise<Manifest> {
  const { lake, spool, onStep } = context;
  const stored = await lake.read(manifestPath(plan.batch));
  const manifest =
    stored === null
      ? await writeBatch(plan, context)
      : (JSON.parse(Buffer.from(stored).toString('utf8')) as Manifest);
  for (const { file } of plan.segments) {
    fs.rmSync(file, { force: true });
    onStep('segment-removed');
  }
  onStep('segments-removed');
  removePlan(spool);
  onStep('plan-removed');
  return manifest;
}

async function writeBatch(plan: BatchPlan, context: BatchContext): Promise<Manifest> {
  const { lake, engine, onStep } = context;
  const segments: CountedSegment[] = [];
  for (const segment of plan.segments) {
    if (!fs.existsSync(segment.file)) throw landErrors.planBroken(plan.batch, segment.file);
    const { problem, lines, longestLine } =
      context.verified.get(segment.id) ?? (await verifySegment(segment));
    if (problem !== null) throw landErrors.corrupt([problem]);
    segments.push({ ...segment, counted: lines, longestLine });
  }
  const byFormat = new Map<string, SegmentFiles>();
  for (const [format, of] of Map.groupBy(segments, (segment) => segment.format)) {
    byFormat.set(format, {
      files: of.map(({ file }) => file),
      longestLine: Math.max(...of.map(({ longestLine }) => longestLine)),
    });
  }
  await decodeSegments(engine, byFormat);
  const malformed = await collectFaults(engine, plan.batch, segments);
  const [clamped] = await engine.rows<{ n: bigint; ahead_us: bigint }>(
    `SELECT count(*) AS n, coalesce(max(stated_us - event_us) FILTER (live), 0)::BIGINT AS ahead_us
     FROM landing_events WHERE fault IS NULL AND event_us <> stated_us`,
  );
  onStep('decoded');

  const files: LandedFile[] = [];
  for (const landed of landedTables)
    files.push(...(await writePartitions(lake, engine, landed, plan.batch, onStep)));
  for (const rows of [...decodedRows, 'faults']) await engine.run(`DROP TABLE landing_${rows}`);
  onStep('files-adopted');

  const rows: Record<string, number> = {};
  for (const file of files) rows[file.table] = (rows[file.table] ?? 0) + file.rows;
  const manifest: Manifest = {
    batch: plan.batch,
    segments: segments.map(({ id, stream, format, sha256, bytes, counted, cursor }) => ({
      id,
      stream,
      format,
      sha256,
      bytes,
      lines: counted,
      cursor,
    })),
    files,
    rows,
    malformed,
    clamped: Number(clamped?.n ?? 0),
    ahead_us: Number(clamped?.ahead_us ?? 0),
    landed_ms: context.now(),
  };
  await lake.write(manifestPath(plan.batch), `${JSON.stringify(manifest, null, 1)}\n`);
  onStep('manifest-written');
  return manifest;
}
