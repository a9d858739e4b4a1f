import {
  openEngine,
  openLake,
  parquetOptions,
  sqlText,
  tables,
  typedColumns,
  jsonColumns,
} from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import path from 'node:path';
import { writeFile } from 'node:fs/promises';

export interface QueueRow {
  labeler: string;
  version: string;
  uri: string;
  text: string;
  cid?: string;
  attempt?: number;
  priority?: number;
  is_dead_letter?: boolean;
}

let published = 0;

/** Publishes a queue as dbt and its runner do: Parquet under its own id, then the pointer. */
export async function publishQueue(config: Config, rows: readonly QueueRow[]): Promise<string> {
  const publishId = `test-${++published}`;
  const lake = openLake(config.lake);
  const engine = await openEngine();
  try {
    const source = path.join(engine.scratch, 'queue.ndjson');
    const lines = rows.map((row) =>
      JSON.stringify({
        cid: `cid-of-${row.uri}`,
        did: 'did:plc:author',
        attempt: 1,
        priority: 1,
        is_dead_letter: false,
        event_us: 1_783_000_000_000_000,
        ...row,
      }),
    );
    await writeFile(source, lines.map((line) => `${line}\n`).join(''));
    const target = path.join(engine.scratch, 'labels.parquet');
    await engine.run(
      `COPY (SELECT ${typedColumns(tables.queue)} FROM read_json(${sqlText(source)}, format = 'newline_delimited', columns = ${jsonColumns(tables.queue)}))
       TO ${sqlText(target)} (${parquetOptions})`,
    );
    await lake.adopt(target, `queue/publish=${publishId}/labels.parquet`);
    await lake.write('queue/current.json', JSON.stringify({ publish_id: publishId }));
  } finally {
    await engine.close();
  }
  return publishId;
}

/** All rows of labels/values, in a total order. */
export async function storedLabels(config: Config): Promise<Record<string, unknown>[]> {
  return rowsOfTable(config, 'labels', 'uri, label, attempt');
}

/** All rows of labels/embeddings, by URI. */
export async function storedEmbeddings(config: Config): Promise<Record<string, unknown>[]> {
  return rowsOfTable(config, 'embeddings', 'uri');
}

async function rowsOfTable(config: Config, name: 'labels' | 'embeddings', order: string) {
  const { readTable } = await import('../../../lake/index.ts');
  const lake = openLake(config.lake);
  if ((await lake.list(tables[name].folder)).length === 0) return [];
  const engine = await openEngine();
  try {
    return await engine.rows(`FROM ${readTable(lake, tables[name])} ORDER BY ${order}`);
  } finally {
    await engine.close();
  }
}
