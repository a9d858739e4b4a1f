import { DOUBLE, DuckDBDataChunk, INTEGER } from '@duckdb/node-api';
import type { Engine } from '../../lake/index.ts';

/** Numbers of one column, by row; NaN is null. */
export type Column = { type: 'INTEGER'; values: Int32Array } | { type: 'DOUBLE'; values: Float64Array };

const rowsAtOnce = 2048; // what DuckDB's chunks hold

/**
 * Makes a table of columns of numbers: a millionth of a second a row, where rows of JavaScript take ten.
 * @param columns name -> numbers, all of one length
 */
export async function createNumbers(
  engine: Engine,
  table: string,
  columns: Record<string, Column>,
): Promise<void> {
  const all = Object.entries(columns);
  await engine.run(`CREATE TABLE ${table} (${all.map(([name, { type }]) => `${name} ${type}`).join(', ')})`);
  const rows = all[0]?.[1].values.length ?? 0;
  const types = all.map(([, { type }]) => (type === 'INTEGER' ? INTEGER : DOUBLE));
  const appender = await engine.connection.createAppender(table);
  for (let from = 0; from < rows; from += rowsAtOnce) {
    const to = Math.min(from + rowsAtOnce, rows);
    const chunk = DuckDBDataChunk.create(types, to - from);
    all.forEach(([, { values }], i) => {
      chunk.setColumnValues(
        i,
        Array.from(values.subarray(from, to), (value) => (Number.isNaN(value) ? null : value)),
      );
    });
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

/**
 * Streams a query of INTEGER and DOUBLE columns, a chunk at a time; a null is NaN.
 * @yields one array a column
 */
export async function* numbersOf(engine: Engine, query: string): AsyncGenerator<number[][]> {
  const result = await engine.connection.stream(query);
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return;
    yield Array.from({ length: chunk.columnCount }, (_, column) =>
      (chunk.getColumnValues(column) as (number | null)[]).map((value) => value ?? NaN),
    );
  }
}
