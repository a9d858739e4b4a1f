import path from 'node:path';
import {
  partitionFolder,
  partitionTime,
  parquetOptions,
  sqlText,
  typedColumns,
  type Engine,
  type Lake,
} from '../../lake/index.ts';
import type { LandedTable } from './landed-tables.ts';

/** A file that a batch put into the lake. */
export interface LandedFile {
  table: string;
  path: string;
  rows: number;
}

export interface WriteStep {
  /** Called between steps, with what was just done; tests kill the process here. */
  (step: 'file-written' | 'file-adopted'): void;
}

const usPerHour = 3_600e6;
const maxAdopting = 8;

/**
 * Puts one table's rows into its partitions: one file a partition, named after the batch, so that doing it again
 * replaces what an interrupted landing left. Each partition is one COPY: a partitioned COPY writes a file a thread.
 */
export async function writePartitions(
  lake: Lake,
  engine: Engine,
  landed: LandedTable,
  batch: string,
  onStep: WriteStep,
): Promise<LandedFile[]> {
  const { name, table, query } = landed;
  const byHour = table.partitions.includes('hour');
  const keys = [
    byHour ? 'hour_number' : 'hour_number // 24 * 24',
    ...(table.partitions.includes('collection_group') ? ['collection_group'] : []),
  ];
  const partitions = await engine.rows<{ hour: bigint; collection_group?: string; n: bigint }>(
    `SELECT ${keys[0]} AS hour${keys[1] ? `, ${keys[1]}` : ''}, count(*) AS n FROM (${query}) GROUP BY ALL ORDER BY ALL`,
  );
  const files: LandedFile[] = [];
  // moving a file waits for the disk; meanwhile the next is written
  const adopting = new Set<Promise<void>>();
  try {
    for (const partition of partitions) {
      const { dt, hour } = partitionTime(Number(partition.hour) * usPerHour);
      const group = partition.collection_group;
      const folder = partitionFolder(table, {
        dt,
        hour,
        ...(group === undefined ? {} : { collection_group: group }),
      });
      const target = `${folder}/${batch}.parquet`;
      const local = path.join(engine.scratch, `${batch}-${files.length}.parquet`);
      const within = [
        `${keys[0]} = ${partition.hour}`,
        ...(group === undefined ? [] : [`collection_group = ${sqlText(group)}`]),
      ];
      await engine.run(
        `COPY (SELECT ${typedColumns(table)} FROM (${query}) WHERE ${within.join(' AND ')}) TO ${sqlText(local)} (${parquetOptions})`,
      );
      onStep('file-written');
      if (adopting.size >= maxAdopting) await Promise.race(adopting);
      const adoption = lake.adopt(local, target).then(() => {
        adopting.delete(adoption);
        onStep('file-adopted');
      });
      adoption.catch(() => undefined); // it stays in the set, and the wait below throws it
      adopting.add(adoption);
      files.push({ table: name, path: target, rows: Number(partition.n) });
    }
  } finally {
    await Promise.allSettled(adopting);
  }
  await Promise.all(adopting);
  return files;
}
