import {
  collectionGroups,
  otherCollections,
  privateTables,
  tables,
  type ColumnType,
  type Lake,
  type Table,
} from '../../lake/index.ts';
import { readManifests, versionFolder } from '../export/index.ts';

/** How an engine finds a partition without being told of each: by its key's values. */
export type Projection =
  | { type: 'enum'; values: string[] }
  /** Days from the first one to today, or to a last one. */
  | { type: 'date'; from: string; to: string | null };

/** A folder of the lake as a table of Glue, Athena or Trino. */
export interface ExternalTable {
  name: string;
  /** `s3://…`, without a slash at the end. */
  location: string;
  description: string;
  columns: { name: string; type: ColumnType; description: string }[];
  partitions: { name: string; projection: Projection }[];
  /** Folder in each partition that its rows are in; null where the partition is that folder. */
  rowsFolder: string | null;
}

/** Where the rows of a partition are, for a table whose partitions hold more: `${key}` stands for a key's value. Null for others. */
export const locationTemplate = ({ location, partitions, rowsFolder }: ExternalTable): string | null =>
  rowsFolder === null
    ? null
    : `${[location, ...partitions.map(({ name }) => `${name}=\${${name}}`), rowsFolder].join('/')}/`;

/** Tables of the roster are in a database of their own, whose bucket few may read. */
export interface Databases {
  lake: ExternalTable[];
  private: ExternalTable[];
}

const hours = [...Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, '0')), 'all'];

/** What SQL calls a table: the names of models/staging/_lake__sources.yml. */
export const tableName = (key: string): string =>
  key === 'labels' ? 'label_values' : key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Values that a partition key has in the lake, those of the files without rows left out. */
async function valuesOf(lake: Lake, table: Table): Promise<Map<string, Set<string>>> {
  const found = new Map(table.partitions.map((key) => [key, new Set<string>()]));
  for (const { path } of await lake.list(table.folder)) {
    const parts = path.slice(table.folder.length + 1).split('/');
    const rowsFolder = table.rowsFolder === undefined ? [] : [table.rowsFolder];
    if (
      !path.endsWith('.parquet') ||
      parts.length !== table.partitions.length + rowsFolder.length + 1 ||
      rowsFolder.some((one) => parts.at(-2) !== one) ||
      parts.at(-1) === 'empty.parquet'
    )
      continue;
    for (const part of parts.slice(0, table.partitions.length)) {
      const [key = '', value = ''] = part.split('=');
      found.get(key)?.add(decodeURIComponent(value));
    }
  }
  return found;
}

const dayBefore = (day: string): string => new Date(Date.parse(day) - 86_400_000).toISOString().slice(0, 10);

function projectionOf(key: string, values: Set<string>, first: string, until: string | null): Projection {
  // engines want a range of more than one day
  if (key === 'dt') return { type: 'date', from: dayBefore([...values].sort()[0] ?? first), to: until };
  if (key === 'hour') return { type: 'enum', values: hours };
  if (key === 'collection_group') return { type: 'enum', values: [...collectionGroups, otherCollections] };
  return { type: 'enum', values: values.size > 0 ? [...values].sort() : ['_none'] };
}

/** Tables of what was exported: the newest version by the name of its model, the ones before it as `<model>_v<version>`. */
export async function describeExports(lake: Lake, until: string | null = null): Promise<ExternalTable[]> {
  const manifests = await readManifests(lake);
  const newest = new Map(manifests.map(({ model, version }) => [model, version]));
  return manifests.map(({ model, version, description, columns, partition, parts }) => {
    const days = parts.flatMap(({ value }) => (value === null ? [] : [value])).sort();
    const from = dayBefore(days[0] ?? new Date().toISOString().slice(0, 10));
    return {
      name: newest.get(model) === version ? model : `${model}_v${version}`,
      location: lake.uri(versionFolder(model, version)),
      description,
      columns,
      partitions:
        partition === null ? [] : [{ name: partition, projection: { type: 'date', from, to: until } }],
      rowsFolder: null,
    };
  });
}

export interface DescribeOptions {
  lake: Lake;
  privateLake: Lake;
  /** Last day that partitions are looked for on; today, whenever a query runs, by default. */
  until?: string;
}

/**
 * The tables of a lake, with partitions that are projected: no crawler, and no statement a partition. Days begin with the
 * first that the lake has; generations, sets and labelers are those that it has now.
 */
export async function describeTables(options: DescribeOptions): Promise<Databases> {
  const { lake, privateLake, until = null } = options;
  const inLake = new Map<Table, Map<string, Set<string>>>();
  for (const table of Object.values(tables))
    inLake.set(table, await valuesOf(privateTables.has(table) ? privateLake : lake, table));
  // of a table that has no rows yet, days begin with those of the lake
  const days = [...inLake.values()].flatMap((keys) => [...(keys.get('dt') ?? [])]).sort();
  const first = days[0] ?? new Date().toISOString().slice(0, 10);
  const describe = (key: string, table: Table, home: Lake): ExternalTable => {
    const values = inLake.get(table) ?? new Map<string, Set<string>>();
    return {
      name: tableName(key),
      location: home.uri(table.folder),
      description: table.grain,
      columns: table.columns.map(({ name, type, description }) => ({ name, type, description })),
      partitions: table.partitions.map((name) => ({
        name,
        projection: projectionOf(name, values.get(name) ?? new Set(), first, until),
      })),
      rowsFolder: table.rowsFolder ?? null,
    };
  };
  const databases: Databases = { lake: [], private: [] };
  for (const [key, table] of Object.entries(tables)) {
    if (key === 'queue') continue; // a pointer says which file of it holds
    if (privateTables.has(table)) databases.private.push(describe(key, table, privateLake));
    else databases.lake.push(describe(key, table, lake));
  }
  databases.lake.push(...(await describeExports(lake, until)));
  return databases;
}
