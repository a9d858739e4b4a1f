import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { sqlText, type Engine } from '../../lake/index.ts';
import type { QueryResult } from './query.ts';

const csvField = (value: string | null): string => (value === null ? '' : `"${value.replaceAll('"', '""')}"`);

/** As CSV: a text is quoted, so that the empty one differs from null. */
export function toCsv({ columns, rows }: Pick<QueryResult, 'columns' | 'rows'>): string {
  return [columns.map(({ name }) => csvField(name)), ...rows.map((row) => row.map(csvField))]
    .map((fields) => `${fields.join(',')}\n`)
    .join('');
}

/** As a table for a terminal, its first rows. */
export function toTable({ columns, rows }: Pick<QueryResult, 'columns' | 'rows'>, limit = 50): string[] {
  const shown = rows.slice(0, limit).map((row) => row.map((value) => value ?? 'null'));
  const widths = columns.map(({ name }, i) =>
    Math.max(name.length, ...shown.map((row) => row[i]?.length ?? 0)),
  );
  const line = (cells: string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return [
    line(columns.map(({ name }) => name)),
    line(widths.map((width) => '-'.repeat(width))),
    ...shown.map(line),
    ...(rows.length > limit ? [`… ${rows.length - limit} more: --format csv or parquet has them all`] : []),
  ];
}

/** Athena's types that DuckDB calls otherwise. */
const duckdbType = (type: string): string => {
  if (type === 'integer') return 'INTEGER';
  if (/^(tinyint|smallint|bigint|double|boolean|date|varchar)$/.test(type)) return type.toUpperCase();
  if (type === 'float' || type === 'real') return 'FLOAT';
  if (/^decimal/.test(type)) return 'DOUBLE';
  return type.startsWith('timestamp') ? 'TIMESTAMP' : 'VARCHAR';
};

/** Writes a result as Parquet, with its types. */
export async function writeParquet(
  engine: Engine,
  { columns, rows }: Pick<QueryResult, 'columns' | 'rows'>,
  file: string,
): Promise<void> {
  const local = path.join(engine.scratch, 'athena.ndjson');
  const lines = function* (): Generator<string> {
    for (const row of rows)
      yield `${JSON.stringify(Object.fromEntries(columns.map(({ name }, i) => [name, row[i]])))}\n`;
  };
  await pipeline(lines, createWriteStream(local));
  const name = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  const texts = columns.map((one) => `${sqlText(one.name)}: 'VARCHAR'`).join(', ');
  const typed = columns
    .map((one) => `CAST(${name(one.name)} AS ${duckdbType(one.type)}) AS ${name(one.name)}`)
    .join(', ');
  try {
    await engine.run(
      `COPY (SELECT ${typed} FROM read_json(${sqlText(local)}, format = 'newline_delimited', columns = {${texts}}))
       TO ${sqlText(file)} (FORMAT parquet, COMPRESSION zstd)`,
    );
  } finally {
    await rm(local, { force: true });
  }
}
