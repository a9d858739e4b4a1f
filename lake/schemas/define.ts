/** Types that DuckDB, Trino and Athena share. Times are microseconds since 1970 UTC as BIGINT: exact in every engine. */
export type ColumnType = 'VARCHAR' | 'BIGINT' | 'INTEGER' | 'DOUBLE' | 'BOOLEAN' | 'FLOAT[]' | 'VARCHAR[]';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  readonly description: string;
}

/** One table of the lake: a folder of Parquet files with one schema, partitioned Hive style. */
export interface Table {
  /** Folder from the lake's root, such as `raw/records`. */
  readonly folder: string;
  /** "One row per …" */
  readonly grain: string;
  /** Partition keys in path order; always VARCHAR ('06' must not become 6). Never columns of the files. */
  readonly partitions: readonly string[];
  /** Folder in a partition that holds its rows alone, where the partition holds more; engines read every file of a table's folder. */
  readonly rowsFolder?: string;
  readonly columns: readonly Column[];
}

type ColumnSpec = readonly [type: ColumnType, description: string] | readonly [ColumnType, string, 'null'];

/**
 * Declares a table. A column that may be null says so and its description says what null means.
 * @example defineTable('raw/runs', 'One row per …', ['dt'], { ts: ['BIGINT', 'microseconds UTC'] })
 */
export function defineTable(
  folder: string,
  grain: string,
  partitions: readonly string[],
  columns: Record<string, ColumnSpec>,
  rowsFolder?: string,
): Table {
  return {
    folder,
    grain,
    partitions,
    columns: Object.entries(columns).map(([name, [type, description, nullable]]) => ({
      name,
      type,
      description,
      nullable: nullable === 'null',
    })),
    ...(rowsFolder === undefined ? {} : { rowsFolder }),
  };
}
