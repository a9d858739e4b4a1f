import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { attachS3 } from './object-store.ts';

export interface EngineOptions {
  /** DuckDB's memory_limit, such as '2GB'. */
  memoryLimit?: string;
  threads?: number;
}

/** A DuckDB in memory that spills to a folder of its own; nothing of it outlives `close()`. */
export interface Engine {
  readonly connection: DuckDBConnection;
  /** Folder for files on their way to the lake; removed by `close()`. */
  readonly scratch: string;
  /** Makes ready what a statement names, where it goes to `connection` rather than to `run` or `rows`. */
  reach(sql: string): Promise<void>;
  run(sql: string): Promise<void>;
  /** Rows as plain objects; BIGINT as bigint, lists as arrays. */
  rows<T = Record<string, unknown>>(sql: string): Promise<T[]>;
  close(): Promise<void>;
}

// named after the host too: containers may share a temporary folder, and not their process numbers
const scratchPrefix = `feedtrial-engine-${os.hostname()}-`;

/** Takes away what engines of killed processes left: spilled tables can be gigabytes. */
async function removeLeftScratch(): Promise<void> {
  for (const name of await readdir(os.tmpdir())) {
    const pid = name.startsWith(scratchPrefix) ? Number.parseInt(name.slice(scratchPrefix.length), 10) : NaN;
    if (Number.isNaN(pid)) continue;
    try {
      process.kill(pid, 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH')
        await rm(path.join(os.tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

/** Opens an engine. The pipeline's own DuckDB file belongs to dbt and is never opened here. */
export async function openEngine(options: EngineOptions = {}): Promise<Engine> {
  await removeLeftScratch();
  const { DuckDBInstance } = await import('@duckdb/node-api'); // much to load, and many commands never ask
  const scratch = await mkdtemp(path.join(os.tmpdir(), `${scratchPrefix}${process.pid}-`));
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: options.memoryLimit ?? '2GB',
    threads: String(options.threads ?? 2),
    temp_directory: path.join(scratch, 'spill'),
  });
  const connection = await instance.connect();
  // Times are BIGINT microseconds everywhere; what SQL formats from them must not depend on the machine's zone.
  await connection.run("SET TimeZone = 'UTC'; SET preserve_insertion_order = false");
  // a lake in a folder never pays for what S3 needs
  let attaching: Promise<void> | null = null;
  const reach = async (sql: string): Promise<void> => {
    if (sql.includes('s3://')) await (attaching ??= attachS3(connection));
  };
  return {
    connection,
    scratch,
    reach,
    async run(sql) {
      await reach(sql);
      await connection.run(sql);
    },
    async rows<T>(sql: string) {
      await reach(sql);
      const reader = await connection.runAndReadAll(sql);
      return reader.getRowObjectsJS() as T[];
    },
    async close() {
      connection.closeSync();
      instance.closeSync();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

/** A string as a SQL literal. */
export function sqlText(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
