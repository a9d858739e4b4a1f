import { readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../config/config.ts';
import { described, filesBelow } from './described.ts';

const cell = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').trim();

interface Column {
  name: string;
  data_type?: string;
  description?: string;
}

interface Described {
  name: string;
  description?: string;
  columns?: Column[];
  config?: { column_types?: Record<string, string> };
}

interface Node extends Described {
  kind: 'model' | 'seed';
  /** Such as 'models/rank'. */
  folder: string;
  /** Models, seeds and `source.table`s that its SQL names. */
  reads: string[];
}

const read = (file: string): string => readFileSync(path.join(projectRoot, file), 'utf8');

const isCalled = (name: string, sql: string): boolean => new RegExp(`\\b${name}\\(`).test(sql);

/** What each macro names, by itself or through macros that it calls: whoever calls it reads that too. */
function readsOfMacros(): Map<string, string[]> {
  const bodies = new Map<string, string>();
  for (const file of filesBelow('macros', '.sql'))
    for (const [, name = '', body = ''] of read(file).matchAll(
      /\{%-?\s*macro\s+(\w+)\s*\([^]*?%\}([^]*?)\{%-?\s*endmacro/g,
    ))
      bodies.set(name, body);
  const reads = new Map([...bodies].map(([name, body]) => [name, new Set(named(body))]));
  const calls = [...bodies].flatMap(([caller, body]) =>
    [...bodies.keys()].filter((name) => isCalled(name, body)).map((name) => [caller, name] as const),
  );
  for (let grown = true; grown;) {
    grown = false;
    for (const [caller, name] of calls) {
      const own = reads.get(caller) as Set<string>;
      const before = own.size;
      for (const one of reads.get(name) ?? []) own.add(one);
      grown ||= own.size > before;
    }
  }
  return new Map([...reads].map(([name, all]) => [name, [...all]]));
}

function named(sql: string): string[] {
  const text = sql.replaceAll(/\{#[^]*?#\}/g, '');
  return [
    ...[...text.matchAll(/\bref\(\s*['"](\w+)['"]/g)].map(([, name = '']) => name),
    ...[...text.matchAll(/\bsource\(\s*['"](\w+)['"]\s*,\s*['"](\w+)['"]/g)].map(
      ([, source = '', table = '']) => `${source}.${table}`,
    ),
  ];
}

let nodesRead: Node[] | null = null;

export function readNodes(): Node[] {
  if (nodesRead !== null) return nodesRead;
  const macros = readsOfMacros();
  const nodes: Node[] = [];
  for (const [folder, key, kind] of [
    ['models', 'models', 'model'],
    ['seeds', 'seeds', 'seed'],
  ] as const)
    for (const file of filesBelow(folder, '.yml')) {
      const content = described(file) as Record<string, Described[]> | null;
      for (const node of content?.[key] ?? []) {
        const sql = kind === 'model' ? read(file.replace(/[^/]+$/, `${node.name}.sql`)) : '';
        const called = [...macros].filter(([name]) => isCalled(name, sql));
        const reads = new Set([...named(sql), ...called.flatMap(([, of]) => of)]);
        reads.delete(node.name);
        nodes.push({ ...node, kind, folder: path.dirname(file), reads: [...reads].toSorted() });
      }
    }
  nodesRead = nodes.toSorted((a, b) =>
    a.folder === b.folder ? (a.name < b.name ? -1 : 1) : a.folder < b.folder ? -1 : 1,
  );
  return nodesRead;
}

const anchor = (name: string): string => `[\`${name}\`](#${name.toLowerCase()})`;

/** Every model and seed with its columns. */
export function tablesPage(): string {
  const nodes = readNodes();
  const folders = Map.groupBy(nodes, ({ folder }) => folder);
  return [
    '# Tables and columns',
    '',
    '<!-- made by `npm run docs` from the .yml beside each model and seed; edit those -->',
    '',
    'Every model and seed of the warehouse, with its grain and its columns. What is Parquet in the lake is in [the storage contract](../storage.md);',
    'which model reads which is in [the lineage](lineage.md).',
    '',
    ...[...folders].flatMap(([folder, members]) => [
      `- \`${folder}\`: ${members.map(({ name }) => anchor(name)).join(', ')}`,
    ]),
    '',
    ...nodes.flatMap(({ name, description = '', columns = [], config, folder, kind }) => [
      `## ${name}`,
      '',
      `\`${folder}/${name}.${kind === 'model' ? 'sql' : 'csv'}\``,
      '',
      cell(description),
      '',
      ...(columns.length > 0
        ? [
            '| column | type | what it holds |',
            '|---|---|---|',
            ...columns.map(
              (one) =>
                `| \`${one.name}\` | ${one.data_type ?? config?.column_types?.[one.name] ?? ''} | ${cell(one.description ?? '')} |`,
            ),
            '',
          ]
        : []),
    ]),
  ].join('\n');
}

/** Which model reads which, and who reads it. */
export function lineagePage(): string {
  const nodes = readNodes();
  const readers = new Map<string, string[]>();
  for (const { name, reads } of nodes)
    for (const one of reads) readers.set(one, [...(readers.get(one) ?? []), name]);
  const list = (names: string[] | undefined): string => (names ?? []).map((one) => `\`${one}\``).join(', ');
  const sources = [...readers.keys()].filter((name) => name.includes('.')).toSorted();
  const row = (name: string, reads: string[]): string =>
    `| \`${name}\` | ${list(reads)} | ${list(readers.get(name))} |`;
  return [
    '# Lineage',
    '',
    '<!-- made by `npm run docs` from the SQL of the models; edit that -->',
    '',
    'What each model reads and who reads it, as `ref()` and `source()` name it, also by way of a macro. `dbt docs generate` draws the same as a graph.',
    '',
    '## Sources: Parquet of the lake',
    '',
    '| source | read by |',
    '|---|---|',
    ...sources.map((name) => `| \`${name}\` | ${list(readers.get(name))} |`),
    '',
    ...[...Map.groupBy(nodes, ({ folder }) => folder)].flatMap(([folder, members]) => [
      `## ${folder}`,
      '',
      '| model | reads | read by |',
      '|---|---|---|',
      ...members.map(({ name, reads }) => row(name, reads)),
      '',
    ]),
  ].join('\n');
}
