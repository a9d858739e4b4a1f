import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { privateTables, tables, type Table } from '../schemas/index.ts';
import { makePrivate } from '../store/private.ts';
import type { Lake } from '../store/store.ts';
import { sqlText, type Engine } from './engine.ts';

/** Values of the partition keys, in any order. */
export type Partition = Record<string, string>;

/** `dt` and `hour` of a moment, UTC. */
export function partitionTime(us: number): { dt: string; hour: string } {
  const iso = new Date(us / 1000).toISOString();
  return { dt: iso.slice(0, 10), hour: iso.slice(11, 13) };
}

const rowsFolderOf = (table: Table): string[] => (table.rowsFolder === undefined ? [] : [table.rowsFolder]);

/** Folder of a partition's rows, such as `raw/records/collection_group=app.bsky.feed.like/dt=2026-07-04/hour=14`. */
export function partitionFolder(table: Table, partition: Partition): string {
  const keys = table.partitions.map((key) => {
    const value = partition[key];
    if (value === undefined) throw new Error(`${table.folder} is partitioned by ${key}, which was not given`);
    return `${key}=${encodeURIComponent(value)}`;
  });
  return [table.folder, ...keys, ...rowsFolderOf(table)].join('/');
}

/** DuckDB's `columns = {…}` argument of read_json for a table: names and types, nothing guessed. */
export function jsonColumns(table: Table): string {
  return `{${table.columns.map((c) => `${c.name}: '${c.type}'`).join(', ')}}`;
}

/** Select list that puts columns in the table's order and types. */
export function typedColumns(table: Table): string {
  return table.columns.map((c) => `CAST("${c.name}" AS ${c.type}) AS "${c.name}"`).join(', ');
}

/** How every Parquet file of the lake is written. */
export const parquetOptions = 'FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880';

/**
 * Copies a query's rows to one Parquet file at an exact path of the lake, atomically. The query gives the table's
 * columns in their order; add ORDER BY a total order where the bytes must be the same every time.
 */
export async function copyToLake(lake: Lake, engine: Engine, query: string, target: string): Promise<void> {
  const local = path.join(engine.scratch, `${randomUUID()}.parquet`);
  await engine.run(`COPY (${query}) TO ${sqlText(local)} (${parquetOptions})`);
  await lake.adopt(local, target);
}

/**
 * Writes rows of JavaScript to one Parquet file in a partition of a table. Meant for thousands of rows, not millions.
 * @param rows plain objects with the table's column names; bigint and missing values are allowed (missing is null)
 * @param name file name without ending; the same name replaces the same file, so a retry is harmless
 * @returns path of the file in the lake; null where there were no rows
 */
export async function writeRows(
  lake: Lake,
  engine: Engine,
  table: Table,
  partition: Partition,
  rows: Iterable<Record<string, unknown>>,
  name: string,
): Promise<string | null> {
  const local = path.join(engine.scratch, `${randomUUID()}.ndjson`);
  let count = 0;
  const lines = function* (): Generator<string> {
    for (const row of rows) {
      count++;
      yield `${JSON.stringify(row, (_key, value: unknown) => (typeof value === 'bigint' ? Number(value) : value))}\n`;
    }
  };
  await pipeline(lines, createWriteStream(local));
  try {
    if (count === 0) return null;
    const target = `${partitionFolder(table, partition)}/${name}.parquet`;
    const source = `read_json(${sqlText(local)}, format = 'newline_delimited', columns = ${jsonColumns(table)}, maximum_object_size = 67108864)`;
    await copyToLake(lake, engine, `SELECT ${typedColumns(table)} FROM ${source}`, target);
    return target;
  } finally {
    await rm(local, { force: true });
  }
}

/** Glob of a table's files for read_parquet. */
export function tableGlob(lake: Lake, table: Table): string {
  return lake.uri(
    [table.folder, ...table.partitions.map(() => '*'), ...rowsFolderOf(table), '*.parquet'].join('/'),
  );
}

/** `read_parquet(…)` over a whole table with its partition keys as VARCHAR columns. */
export function readTable(lake: Lake, table: Table): string {
  const hive =
    table.partitions.length > 0
      ? `, hive_partitioning = true, hive_types = {${table.partitions.map((p) => `'${p}': varchar`).join(', ')}}`
      : '';
  return `read_parquet(${sqlText(tableGlob(lake, table))}${hive})`;
}

/**
 * Like `readTable`, without the files whose rows are in another one while a day is being compacted: what counts rows must
 * read this; what folds them by key may read either. Needs `ensureTables`. The models' sources say the same.
 */
export function readCurrent(lake: Lake, table: Table): string {
  const prefix = sqlText(lake.uri(''));
  return `(
    SELECT files.* FROM ${readTable(lake, table)} AS files
    ANTI JOIN read_parquet(${sqlText(tableGlob(lake, tables.hiddenFiles))}) AS hidden
      ON files.filename = rtrim(${prefix}, '/') || '/' || hidden.file)`;
}

/** `readCurrent` where anything was ever compacted, `readTable` where not: for readers of a lake that may be new. */
export async function currentRows(lake: Lake, table: Table): Promise<string> {
  const compacted = (await lake.list(tables.hiddenFiles.folder)).some(({ path }) =>
    path.endsWith('.parquet'),
  );
  return compacted ? readCurrent(lake, table) : readTable(lake, table);
}

/**
 * Gives every table one file without rows, so that SQL over a table that nothing has written yet reads no rows and
 * doesn't fail. Closes the private lake to other users of this machine. Harmless to repeat.
 */
export async function ensureTables(lake: Lake, privateLake: Lake, engine: Engine): Promise<void> {
  if (privateLake.root !== lake.root) await makePrivate(privateLake.root);
  for (const table of Object.values(tables)) {
    const home = privateTables.has(table) ? privateLake : lake;
    const empty: Record<string, string> = { dt: '1970-01-01', hour: '00' };
    const partition = Object.fromEntries(table.partitions.map((key) => [key, empty[key] ?? '_none']));
    const folder = partitionFolder(table, partition);
    // the models read feeds from before they had a folder of their own too, and a pattern has to find a file
    const folders = table.rowsFolder === undefined ? [folder] : [folder, path.posix.dirname(folder)];
    const columns = table.columns.map((c) => `CAST(NULL AS ${c.type}) AS "${c.name}"`).join(', ');
    for (const target of folders.map((one) => `${one}/empty.parquet`))
      if (!(await home.exists(target)))
        await copyToLake(home, engine, `SELECT ${columns} WHERE false`, target);
  }
}
