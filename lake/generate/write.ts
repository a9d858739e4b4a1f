import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { copyToLake, parquetOptions, typedColumns } from '../parquet/write.ts';
import { sqlText, type Engine } from '../parquet/engine.ts';
import type { Table } from '../schemas/index.ts';
import type { Lake } from '../store/store.ts';

/**
 * Writes a query's rows to one file of a table that has no partitions, at an exact path.
 * @returns how many rows it wrote
 */
export async function writeWhole(
  lake: Lake,
  engine: Engine,
  table: Table,
  query: string,
  target: string,
): Promise<number> {
  await copyToLake(lake, engine, `SELECT ${typedColumns(table)} FROM (${query})`, target);
  const [counted] = await engine.rows<{ n: bigint }>(
    `SELECT count(*) AS n FROM read_parquet(${sqlText(lake.uri(target))})`,
  );
  return Number(counted?.n ?? 0);
}

/**
 * Writes a query's rows into a table's partitions. The query gives the table's columns and its partition keys by name.
 * @returns how many rows it wrote
 */
export async function writePartitioned(
  lake: Lake,
  engine: Engine,
  table: Table,
  query: string,
  name: string,
): Promise<number> {
  const folder = path.join(engine.scratch, randomUUID());
  await mkdir(folder, { recursive: true });
  try {
    const keys = table.partitions.map((key) => `"${key}"`).join(', ');
    const [written] = await engine.rows<{ Count: bigint }>(
      `COPY (SELECT ${typedColumns(table)}, ${keys} FROM (${query})) TO ${sqlText(folder)}
       (${parquetOptions}, PARTITION_BY (${keys}), FILENAME_PATTERN 'part-{i}')`,
    );
    const files = (await readdir(folder, { recursive: true }))
      .filter((file) => file.endsWith('.parquet'))
      .sort();
    const counts = new Map<string, number>();
    const moves = files.map((file): [string, string] => {
      const partition = path.dirname(file).split(path.sep).join('/');
      const number = counts.get(partition) ?? 0;
      counts.set(partition, number + 1);
      return [path.join(folder, file), `${table.folder}/${partition}/${name}-${number}.parquet`];
    });
    // many at a time: each waits for the disk, and the disk serves many waits at once
    for (let at = 0; at < moves.length; at += 32)
      await Promise.all(moves.slice(at, at + 32).map(([file, target]) => lake.adopt(file, target)));
    return Number(written?.Count ?? 0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
