import { tables, type Table } from '../../lake/schemas/index.ts';

const cell = (text: string) => text.replaceAll('|', '\\|');

function describeTable(table: Table): string {
  const partitions = table.partitions.map((key) => `${key}=…/`).join('');
  const columns = table.columns.map(
    (c) => `| \`${c.name}\` | ${c.type} | ${c.nullable ? 'may be null' : ''} | ${cell(c.description)} |`,
  );
  return [
    `## ${table.folder}`,
    '',
    `\`${table.folder}/${partitions}${table.rowsFolder === undefined ? '' : `${table.rowsFolder}/`}*.parquet\``,
    '',
    `${table.grain}.`,
    '',
    '| column | type | | what it holds |',
    '|---|---|---|---|',
    ...columns,
  ].join('\n');
}

/** The storage contract, from lake/schemas. */
export function storagePage(): string {
  const parts = Object.values(tables)
    .sort((a, b) => (a.folder < b.folder ? -1 : 1))
    .map(describeTable);
  return [
    '# The storage contract',
    '',
    '<!-- made by `npm run docs` from lake/schemas; edit those -->',
    '',
    'What crosses from one part of Feedtrial to the next is Parquet in the lake (`participants`, `pairs` and `pseudonyms` are in the private lake).',
    'Times are microseconds since 1970 UTC as BIGINT. Partition keys are in the path, always text, and no columns of the files.',
    'Files are never changed after they were written; `queue/current.json` and `feeds/current.json` are the pointers that move.',
    '',
    parts.join('\n\n'),
    '',
  ].join('\n');
}
