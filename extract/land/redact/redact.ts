import { randomUUID } from 'node:crypto';
import path from 'node:path';
import {
  describeHolder,
  ensureTables,
  openEngine,
  openLake,
  parquetOptions,
  readTable,
  sqlText,
  tables,
  waitForLock,
  type Engine,
  type Lake,
} from '../../../lake/index.ts';
import { removeWarehouse, type Config } from '../../../ops/config/index.ts';
import { createProgress } from '../../../ops/progress/index.ts';
import { newRunId, runStage } from '../../../ops/telemetry/index.ts';
import { landErrors } from '../errors.ts';

/** Where a redaction stands. Tests end the process at each of these. */
export type RedactStep = 'found' | 'warehouse-removed' | 'file-redacted' | 'done';

export interface RedactOptions {
  config: Config;
  /** Days after a deletion within which its content goes. Default the configured ones. */
  days?: number;
  /** Keeps cycles away while the work is done: they build from what is rewritten. */
  holdCycle?: () => Promise<{ release(): Promise<void> }>;
  signal?: AbortSignal;
  dag?: string;
  runId?: string;
  now?: () => number;
  waitMs?: number;
  onStep?: (step: RedactStep) => void;
}

export interface RedactSummary {
  /** Files that were written anew. */
  files: number;
  /** Records whose content was taken out. */
  records: number;
  /** Records whose content will go once the oldest deletion among them is due. */
  waiting: number;
}

const dayUs = 86_400_000_000;

/**
 * Takes the content out of records that their authors, or the network, have deleted: rows stay, with who, which and when, and
 * `record` null. Does nothing until the oldest deletion is within a day of being due, and then takes all that are known: what
 * is built on the lake must be built anew each time. Killed, the next one goes on.
 * @throws FeedtrialError FT_LAND_COMPACTION_BUSY
 */
export async function redact(options: RedactOptions): Promise<RedactSummary> {
  const { config, dag = 'redact', now = Date.now, days = config.redactDays } = options;
  const { onStep = () => undefined, waitMs = 60_000, signal } = options;
  const runId = options.runId ?? newRunId(now());
  return runStage({ config, dag, runId, stage: 'redact', now }, async (stage) => {
    const cycle = await options.holdCycle?.();
    const lockFile = path.join(config.spool, '_landing/compaction');
    const lock = await waitForLock(lockFile, { waitMs });
    const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
    const progress = createProgress({ label: 'redact', unit: 'files' });
    try {
      if (lock === null) throw landErrors.busyCompacting(describeHolder(lockFile));
      const lake = openLake(config.lake);
      await ensureTables(lake, openLake(config.privateLake), engine);
      await readDeletions(lake, engine);
      const found = await findContent(lake, engine);
      const records = found.reduce((sum, { rows }) => sum + rows, 0);
      const dueUs = now() * 1000 - Math.max(0, days - 1) * dayUs;
      if (found.every(({ firstUs }) => firstUs > dueUs)) return { files: 0, records: 0, waiting: records };
      onStep('found');
      // first of all: what was built holds the content too, and in a file's free blocks also what was deleted there since
      removeWarehouse(config);
      onStep('warehouse-removed');
      let files = 0;
      for (const { file, rows } of found) {
        if (signal?.aborted) {
          stage.outcome = 'partial';
          break;
        }
        await redactFile(lake, engine, file);
        files++;
        stage.records = (stage.records ?? 0) + rows;
        progress.advance(1);
        onStep('file-redacted');
      }
      await lake.purgeHistory();
      onStep('done');
      return { files, records: stage.records ?? 0, waiting: records - (stage.records ?? 0) };
    } finally {
      progress.done();
      await engine.close();
      lock?.release();
      await cycle?.release();
    }
  });
}

/**
 * What is deleted, in two tables of the engine: `deleted` by record, `gone` by account. Of an account its last word counts:
 * one that is deactivated or suspended may come back.
 */
async function readDeletions(lake: Lake, engine: Engine): Promise<void> {
  await engine.run(
    `CREATE TEMP TABLE deleted AS
     SELECT did, "collection", rkey, max(event_us) AS deleted_us
     FROM ${readTable(lake, tables.records)} WHERE operation = 'delete'
     GROUP BY did, "collection", rkey`,
  );
  await engine.run(
    `CREATE TEMP TABLE gone AS
     SELECT did, max(event_us) AS deleted_us
     FROM ${readTable(lake, tables.accounts)}
     GROUP BY did HAVING arg_max(status, (event_us, coalesce(seq, 0))) IN ('deleted', 'takendown')`,
  );
}

/** SQL of rows of `records` whose content has to go, with when it was deleted. A record that was made again is not the one deleted. */
const withDeletion = (source: string): string => `
  SELECT records.*, greatest(deleted.deleted_us, gone.deleted_us) AS deleted_us
  FROM ${source} AS records
  LEFT JOIN deleted ON records.did = deleted.did AND records."collection" = deleted."collection"
    AND records.rkey = deleted.rkey AND records.event_us <= deleted.deleted_us
  LEFT JOIN gone ON records.did = gone.did AND records.event_us <= gone.deleted_us`;

interface FoundFile {
  file: string;
  rows: number;
  /** The oldest deletion among them, microseconds UTC. */
  firstUs: number;
}

async function findContent(lake: Lake, engine: Engine): Promise<FoundFile[]> {
  const files = (await lake.list(tables.records.folder)).filter((file) => file.path.endsWith('.parquet'));
  const found: FoundFile[] = [];
  for (let at = 0; at < files.length; at += 200) {
    const byUri = new Map(files.slice(at, at + 200).map(({ path: file }) => [lake.uri(file), file]));
    const source = `(SELECT did, "collection", rkey, event_us, filename FROM read_parquet([${[...byUri.keys()].map(sqlText).join(', ')}],
      union_by_name = true, hive_partitioning = false, filename = true) WHERE record IS NOT NULL)`;
    const rows = await engine.rows<{ filename: string; n: bigint; first_us: bigint }>(
      `SELECT filename, count(*) AS n, min(deleted_us) AS first_us FROM (${withDeletion(source)})
       WHERE deleted_us IS NOT NULL GROUP BY filename ORDER BY filename`,
    );
    for (const { filename, n, first_us } of rows)
      found.push({ file: byUri.get(filename) ?? filename, rows: Number(n), firstUs: Number(first_us) });
  }
  return found;
}

/** Writes one file anew: as many rows in their order, without the content. Replaced at once or not at all. */
async function redactFile(lake: Lake, engine: Engine, file: string): Promise<void> {
  const local = path.join(engine.scratch, `${randomUUID()}.parquet`);
  const source = `read_parquet(${sqlText(lake.uri(file))}, hive_partitioning = false, file_row_number = true)`;
  await engine.run(
    `COPY (SELECT * EXCLUDE (deleted_us, file_row_number)
       REPLACE (CASE WHEN deleted_us IS NULL THEN record END AS record)
       FROM (${withDeletion(source)}) ORDER BY file_row_number) TO ${sqlText(local)} (${parquetOptions})`,
  );
  await lake.adopt(local, file);
}
