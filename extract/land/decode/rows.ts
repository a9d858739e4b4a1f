import type { Table } from '../../../lake/index.ts';
import { readLines, structure, type SegmentFiles } from './lines.ts';

/**
 * Rows of a temporary table from lines whose keys are a table's columns: `(segment, fault, faulty_line, …columns)`.
 * @param required condition on the columns, without which a line is malformed
 * @param instead columns that the line has where it differs from the table, such as a list that becomes several rows
 */
export function decodeRows(
  files: SegmentFiles,
  table: Table,
  required: string,
  instead: Record<string, unknown> = {},
): string {
  const columns = table.columns.filter(({ name }) => name !== 'segment');
  const names = [...new Set([...columns.map(({ name }) => name), ...Object.keys(instead)])];
  const fields = { ...Object.fromEntries(columns.map(({ name, type }) => [name, type])), ...instead };
  return `
    WITH parsed AS (
      SELECT segment, line, json_transform(line, ${structure(fields)}) AS s FROM (${readLines(files)})
    ),
    named AS (
      SELECT segment, line, ${names.map((name) => `s."${name}" AS "${name}"`).join(', ')} FROM parsed
    ),
    judged AS (
      SELECT *, CASE WHEN line IS NULL THEN 'not_json' WHEN NOT coalesce(${required}, false) THEN 'malformed_line' END AS fault
      FROM named
    )
    SELECT * EXCLUDE (line), CASE WHEN fault = 'malformed_line' THEN line::VARCHAR END AS faulty_line FROM judged`;
}
