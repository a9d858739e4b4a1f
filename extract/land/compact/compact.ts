import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  describeHolder,
  openEngine,
  openLake,
  parquetOptions,
  sqlText,
  tables,
  typedColumns,
  waitForLock,
  type Engine,
  type Lake,
} from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { createProgress } from '../../../ops/progress/index.ts';
import { newRunId, runStage } from '../../../ops/telemetry/index.ts';
import { landErrors } from '../errors.ts';
import { writeHidden } from './hidden.ts';
import { readCompactions, writeCompaction, type Compaction, type CountedFile } from './manifest.ts';
import { findUncompacted, sortColumns, type PartitionDay } from './partitions.ts';

/** Where a compaction stands. Tests end the process at each of these and compare what readers see. */
export type CompactStep =
  | 'planned'
  | 'targets-hidden'
  | 'target-written'
  | 'target-adopted'
  | 'switched'
  | 'manifest-switched'
  | 'source-removed'
  | 'done';

export interface CompactOptions {
  config: Config;
  /** Days that ended longer ago than this are compacted. Default 48. */
  olderThanHours?: number;
  /** How long old files stay for readers that had begun with them. Default 6. */
  graceHours?: number;
  /** Says what would be done and does nothing. */
  dryRun?: boolean;
  /** When aborted, the day at hand is finished and no other is begun. */
  signal?: AbortSignal;
  dag?: string;
  runId?: string;
  now?: () => number;
  /** How long a reader may take between looking for files and looking which are hidden. Default 10 s. */
  settleMs?: number;
  waitMs?: number;
  /**
   * Keeps other machines from compacting the same lake meanwhile; the lock in the spool keeps this machine's alone. What it throws
   * ends the compaction before anything is done.
   */
  hold?: () => Promise<{ release(): Promise<void> }>;
  onStep?: (step: CompactStep) => void;
}

export interface CompactSummary {
  /** Partition-days that became one file, or would. */
  days: { folder: string; files: number; rows: number; bytesBefore: number }[];
  /** Files taken away whose grace had ended, or that would be. */
  removed: number;
  /** Files that wait for their grace to end. */
  waiting: number;
  dryRun: boolean;
  seconds: number;
}

const hourMs = 3_600_000;

/**
 * Folds partition-days that no longer grow into one sorted file each, and takes away what was folded before. Readers see
 * every row once at any moment, and a compaction that was killed at any is finished by the next one.
 * @throws FeedtrialError FT_LAND_COMPACTION_BUSY, FT_LAND_COMPACTION_ROWS
 */
export async function compact(options: CompactOptions): Promise<CompactSummary> {
  const { config, signal, dag = 'compact', now = Date.now } = options;
  const runId = options.runId ?? newRunId(now());
  if (options.dryRun) return compactLake(options, now);
  return runStage({ config, dag, runId, stage: 'compact', now }, async (stage) => {
    const summary = await compactLake(options, now);
    stage.records = summary.days.reduce((sum, { rows }) => sum + rows, 0);
    stage.detail = { days: summary.days.length, removed: summary.removed, waiting: summary.waiting };
    if (signal?.aborted) stage.outcome = 'partial';
    return summary;
  });
}

async function compactLake(options: CompactOptions, now: () => number): Promise<CompactSummary> {
  const { config, olderThanHours = 48, graceHours = 6, dryRun = false, signal } = options;
  const { settleMs = 10_000, onStep = () => {} } = options;
  const startedMs = now();
  const lake = openLake(config.lake);
  const summary: CompactSummary = { days: [], removed: 0, waiting: 0, dryRun, seconds: 0 };
  // Landing goes on meanwhile: what it has not finished is left alone, and what it has it never writes again.
  const lockFile = path.join(config.spool, '_landing/compaction');
  const lock = await waitForLock(lockFile, { waitMs: options.waitMs ?? 60_000, signal });
  if (lock === null) throw landErrors.busyCompacting(describeHolder(lockFile));
  const lease = dryRun
    ? undefined
    : await options.hold?.().catch((error: unknown) => {
        lock.release();
        throw error;
      });
  const progress = createProgress({ label: 'compact', unit: 'days' });
  const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
  try {
    const compactions = await readCompactions(lake);
    const lastDt = new Date(startedMs - (24 + olderThanHours) * hourMs).toISOString().slice(0, 10);
    const days = await findUncompacted(lake, lastDt, compactions);
    const graceEnded = ({ state, switched_ms }: Compaction): boolean =>
      state === 'switched' && startedMs - (switched_ms ?? startedMs) >= graceHours * hourMs;

    if (dryRun) {
      for (const day of days) summary.days.push(await describeDay(lake, engine, day));
      for (const one of compactions)
        if (graceEnded(one)) summary.removed += one.sources.length;
        else if (one.state === 'switched') summary.waiting += one.sources.length;
      return summary;
    }

    for (const one of compactions.filter(graceEnded))
      summary.removed += await removeSources(lake, engine, one, compactions, now, onStep);

    const begun = compactions.filter(({ state }) => state === 'planned');
    for (const day of days) {
      const planned = await planDay(lake, engine, day, now());
      compactions.push(planned);
      begun.push(planned);
      onStep('planned');
    }
    if (begun.length > 0) {
      await writeHidden(lake, engine, compactions);
      onStep('targets-hidden');
      await sleep(settleMs); // whoever read before what is hidden has by now looked for files, too
    }
    const written: Compaction[] = [];
    for (const one of begun) {
      if (signal?.aborted) break;
      await writeTarget(lake, engine, one, onStep);
      written.push(one);
      progress.advance(1);
    }
    if (written.length > 0) {
      await sleep(settleMs); // whoever looked for files before the last came has by now read what is hidden, too
      for (const one of written) Object.assign(one, { state: 'switched', switched_ms: now() });
      await writeHidden(lake, engine, compactions);
      onStep('switched');
      for (const one of written) {
        await writeCompaction(lake, one);
        onStep('manifest-switched');
        summary.days.push({
          folder: one.folder,
          files: one.sources.length,
          rows: one.target.rows,
          bytesBefore: days.find(({ target }) => target === one.target.path)?.bytes ?? 0,
        });
        if (graceEnded(one))
          summary.removed += await removeSources(lake, engine, one, compactions, now, onStep);
      }
    }
    for (const one of compactions) if (one.state === 'switched') summary.waiting += one.sources.length;
  } finally {
    await engine.close();
    await lease?.release();
    lock.release();
    progress.done();
    summary.seconds = (now() - startedMs) / 1000;
  }
  return summary;
}

/** Rows by the footers alone. */
export async function countRows(lake: Lake, engine: Engine, paths: string[]): Promise<CountedFile[]> {
  if (paths.length === 0) return [];
  const list = paths.map((file) => sqlText(lake.uri(file))).join(', ');
  const rows = await engine.rows<{ file_name: string; num_rows: bigint }>(
    `SELECT file_name, num_rows FROM parquet_file_metadata([${list}])`,
  );
  const byName = new Map(rows.map(({ file_name, num_rows }) => [file_name, Number(num_rows)]));
  return paths.map((file) => ({ path: file, rows: byName.get(lake.uri(file)) ?? 0 }));
}

const sum = (files: CountedFile[]): number => files.reduce((total, { rows }) => total + rows, 0);

async function describeDay(
  lake: Lake,
  engine: Engine,
  day: PartitionDay,
): Promise<CompactSummary['days'][0]> {
  const rows = sum(await countRows(lake, engine, day.sources));
  return { folder: day.folder, files: day.sources.length, rows, bytesBefore: day.bytes };
}

async function planDay(lake: Lake, engine: Engine, day: PartitionDay, nowMs: number): Promise<Compaction> {
  const sources = await countRows(lake, engine, day.sources);
  const group =
    day.folder
      .split('/')
      .slice(-2)[0]
      ?.replace(/[^A-Za-z0-9._=-]/g, '_') ?? day.table;
  const compaction: Compaction = {
    id: `${day.dt}-${day.table}-${group}-${path.basename(day.target, '.parquet')}`,
    table: day.table,
    folder: day.folder,
    state: 'planned',
    sources,
    target: { path: day.target, rows: sum(sources) },
    planned_ms: nowMs,
    switched_ms: null,
    done_ms: null,
  };
  await writeCompaction(lake, compaction);
  return compaction;
}

async function writeTarget(
  lake: Lake,
  engine: Engine,
  { id, table: name, sources, target }: Compaction,
  onStep: (step: CompactStep) => void,
): Promise<void> {
  const local = path.join(engine.scratch, 'compacted.parquet');
  const list = sources.map(({ path: file }) => sqlText(lake.uri(file))).join(', ');
  const order = sortColumns(name).map((column) => `"${column}"`);
  await engine.run(
    `COPY (SELECT ${typedColumns(tables[name])} FROM read_parquet([${list}], union_by_name = true, hive_partitioning = false)
     ORDER BY ${order.join(', ')}) TO ${sqlText(local)} (${parquetOptions})`,
  );
  const [counted] = await engine.rows<{ num_rows: bigint }>(
    `SELECT num_rows FROM parquet_file_metadata(${sqlText(local)})`,
  );
  const rows = Number(counted?.num_rows ?? -1);
  if (rows !== target.rows) throw landErrors.compactionRows(id, target.rows, rows);
  onStep('target-written');
  await lake.adopt(local, target.path);
  onStep('target-adopted');
}

/** Takes away the files that a compaction replaced, once it is sure that the new one holds their rows. */
async function removeSources(
  lake: Lake,
  engine: Engine,
  compaction: Compaction,
  compactions: Compaction[],
  now: () => number,
  onStep: (step: CompactStep) => void,
): Promise<number> {
  const { id, target, sources } = compaction;
  // it may have gone into a later compaction by now, which then counted its rows
  const later = compactions.some(
    (one) => one !== compaction && one.sources.some((s) => s.path === target.path),
  );
  if (!later) {
    const [found] = (await lake.exists(target.path)) ? await countRows(lake, engine, [target.path]) : [];
    if (found?.rows !== target.rows) throw landErrors.compactionRows(id, target.rows, found?.rows ?? 0);
  }
  for (const source of sources) {
    await lake.remove(source.path);
    onStep('source-removed');
  }
  Object.assign(compaction, { state: 'done', done_ms: now() });
  await writeCompaction(lake, compaction);
  await writeHidden(lake, engine, compactions);
  onStep('done');
  return sources.length;
}
