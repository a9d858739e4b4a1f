import fs from 'node:fs';
import path from 'node:path';
import {
  describeHolder,
  listSealed,
  openEngine,
  openLake,
  pruneSeals,
  recoverSegments,
  waitForLock,
  type Lake,
  type SealedSegment,
} from '../../lake/index.ts';
import type { Config } from '../../ops/config/index.ts';
import { createProgress } from '../../ops/progress/index.ts';
import { log, newRunId, runStage } from '../../ops/telemetry/index.ts';
import { landBatch, type LandStep } from './batch.ts';
import { formats } from './decode/index.ts';
import { landErrors } from './errors.ts';
import { batchId, nextBatch, readPlan, writePlan, type BatchPlan } from './plan.ts';
import { verifySegment, type VerifiedSegment } from './verify.ts';

export interface LandOptions {
  config: Config;
  /** When aborted, the batch at hand is finished and no other is begun. */
  signal?: AbortSignal;
  dag?: string;
  runId?: string;
  now?: () => number;
  /** Bytes of segments that are landed at a time: bounds memory. Default 256 MiB; a larger segment is a batch by itself. */
  maxBatchBytes?: number;
  /** How long to wait for another landing of the same spool to end. Default 60 s. */
  waitMs?: number;
  /** Called as each step is done; for tests. */
  onStep?: (step: LandStep) => void;
}

export interface LandSummary {
  batches: string[];
  segments: number;
  /** Rows by table. */
  rows: Record<string, number>;
  files: number;
  /** Lines that went to raw/rejected because they were not what their format says. */
  malformed: number;
  /** Events whose stated time could not be and was replaced by the time of ingestion. */
  clamped: number;
  /** How far the latest live event was ahead of this machine's clock, seconds. */
  aheadSeconds: number;
  /** Segments that dead processes had left open and that were sealed first. */
  recovered: number;
  /** Half-written files of killed writers that were removed from the lake; looked for once an hour. */
  swept: number;
  /** What was left in the spool, and why. */
  skipped: { segment: string; reason: string }[];
  seconds: number;
}

/** Streams whose writers don't seal what an earlier one left: landing does, once that one is dead. */
const leftBehind = [
  { stream: 'runs', format: 'runs/1' },
  { stream: 'serve', format: 'exposures/1' },
];

/**
 * Moves what is sealed in the spool into the lake's raw tables, a batch at a time. It may run while capture and serving
 * write, and be killed at any moment: what it began is finished by the next one, without loss and without duplicates.
 * @throws FeedtrialError FT_LAND_BUSY, FT_LAND_SEGMENT_CORRUPT (after landing all others), FT_LAND_PLAN_BROKEN
 */
export async function land(options: LandOptions): Promise<LandSummary> {
  const { config, signal, dag = 'land', now = Date.now } = options;
  const runId = options.runId ?? newRunId(now());
  return runStage({ config, dag, runId, stage: 'land', now }, async (stage) => {
    const summary = await landSpool(options, now);
    stage.records = Object.values(summary.rows).reduce((sum, rows) => sum + rows, 0);
    stage.detail = {
      batches: summary.batches.length,
      segments: summary.segments,
      malformed: summary.malformed,
      clamped: summary.clamped,
      ahead_s: summary.aheadSeconds,
    };
    if (summary.skipped.length > 0 || signal?.aborted) stage.outcome = 'partial';
    return summary;
  });
}

async function landSpool(options: LandOptions, now: () => number): Promise<LandSummary> {
  const { config, signal, onStep = () => {} } = options;
  const { spool } = config;
  const startedMs = now();
  const progress = createProgress({ label: 'land', unit: 'segments' });
  const lockFile = path.join(spool, '_landing/lock');
  const lock = await waitForLock(lockFile, {
    waitMs: options.waitMs ?? 60_000,
    waiting: (holder) => progress.note(`waiting for another landing: ${holder}`),
    signal,
  });
  if (lock === null) throw landErrors.busy(describeHolder(lockFile));
  progress.note('');
  const summary: LandSummary = {
    batches: [],
    segments: 0,
    rows: {},
    files: 0,
    malformed: 0,
    clamped: 0,
    aheadSeconds: 0,
    recovered: 0,
    swept: 0,
    skipped: [],
    seconds: 0,
  };
  try {
    for (const left of leftBehind) {
      summary.recovered += recoverSegments({
        spool,
        ...left,
        cursorOf: () => null,
        onlyDead: true,
        now,
      }).length;
    }
    const lake = openLake(config.lake);
    summary.swept = await sweepHourly(lake, spool, now());
    const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
    try {
      const context = {
        lake,
        engine,
        spool,
        verified: new Map<string, VerifiedSegment>(),
        now,
        onStep,
      };
      const landPlan = async (plan: BatchPlan): Promise<void> => {
        const manifest = await landBatch(plan, context);
        summary.batches.push(plan.batch);
        summary.segments += manifest.segments.length;
        summary.files += manifest.files.length;
        summary.malformed += manifest.malformed;
        summary.clamped += manifest.clamped;
        summary.aheadSeconds = Math.max(summary.aheadSeconds, (manifest.ahead_us ?? 0) / 1e6);
        for (const [table, rows] of Object.entries(manifest.rows))
          summary.rows[table] = (summary.rows[table] ?? 0) + rows;
        progress.advance(manifest.segments.length);
      };

      const begun = readPlan(spool);
      if (begun !== null) {
        log.info('finishing a batch that an earlier landing began', { batch: begun.batch });
        await landPlan(begun);
      }

      const corrupt: string[] = [];
      const limits = { maxBytes: options.maxBatchBytes ?? 256 << 20, maxSegments: 500 };
      for (let rest = knownFormats(listSealed(spool), summary); rest.length > 0 && !signal?.aborted;) {
        const taken = nextBatch(rest, limits);
        rest = rest.slice(taken.length);
        context.verified.clear();
        for (const segment of taken) context.verified.set(segment.id, await verifySegment(segment));
        const problemOf = (segment: SealedSegment): string | null =>
          context.verified.get(segment.id)?.problem ?? null;
        corrupt.push(...taken.map(problemOf).filter((problem) => problem !== null));
        const segments = taken.filter((segment) => problemOf(segment) === null);
        if (segments.length === 0) continue;
        const plan = { batch: batchId(segments), segments };
        writePlan(spool, plan);
        onStep('planned');
        await landPlan(plan);
      }
      for (const entry of fs.readdirSync(spool, { withFileTypes: true }))
        if (entry.isDirectory()) pruneSeals(spool, entry.name);
      if (corrupt.length > 0) throw landErrors.corrupt(corrupt);
    } finally {
      await engine.close();
    }
  } finally {
    lock.release();
    summary.seconds = (now() - startedMs) / 1000;
    progress.done();
  }
  return summary;
}

const sweepEveryMs = 3_600_000;

/** Takes away what killed writers left half written in the lake. Walking a large lake takes a while: once an hour. */
async function sweepHourly(lake: Lake, spool: string, nowMs: number): Promise<number> {
  const marker = path.join(spool, '_landing/swept');
  const swept = fs.statSync(marker, { throwIfNoEntry: false })?.mtimeMs;
  if (swept !== undefined && Math.abs(nowMs - swept) < sweepEveryMs) return 0;
  const removed = await lake.sweep(nowMs);
  fs.writeFileSync(marker, '');
  fs.utimesSync(marker, nowMs / 1000, nowMs / 1000);
  if (removed > 0) log.warn('removed what killed writers had left half written', { files: removed });
  return removed;
}

/** Leaves out, and says so, what no landing reads yet. */
function knownFormats(sealed: SealedSegment[], summary: LandSummary): SealedSegment[] {
  return sealed.filter((segment) => {
    if (formats[segment.format] !== undefined) return true;
    const name = `${segment.stream}/${segment.id}`;
    summary.skipped.push({ segment: name, reason: `nothing lands the format '${segment.format}'` });
    return false;
  });
}
