import type { Glue, TableInput } from '@aws-sdk/client-glue';
import { hiveType, projectionParameters } from './ddl.ts';
import { explained } from './errors.ts';
import type { ExternalTable } from './tables.ts';

/** What Glue keeps of a table: the same as its DDL says to Athena. */
export function tableInput(table: ExternalTable): TableInput {
  return {
    Name: table.name,
    Description: table.description,
    TableType: 'EXTERNAL_TABLE',
    Parameters: {
      EXTERNAL: 'TRUE',
      classification: 'parquet',
      'parquet.compression': 'ZSTD',
      ...projectionParameters(table),
    },
    PartitionKeys: table.partitions.map(({ name }) => ({ Name: name, Type: 'string' })),
    StorageDescriptor: {
      Columns: table.columns.map(({ name, type, description }) => ({
        Name: name,
        Type: hiveType(type),
        Comment: description.slice(0, 255), // as much as Glue takes
      })),
      Location: `${table.location}/`,
      InputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
      OutputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
      SerdeInfo: { SerializationLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' },
    },
  };
}

export type SyncAction = 'created' | 'changed' | 'unchanged';

export interface SyncedTable {
  database: string;
  table: string;
  action: SyncAction;
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && error.name === 'EntityNotFoundException';

/** Names, types and parameters, without what Glue adds by itself. */
const essence = (table: TableInput): string =>
  JSON.stringify([
    table.Description ?? '',
    table.StorageDescriptor?.Location,
    (table.StorageDescriptor?.Columns ?? []).map(({ Name, Type, Comment }) => [Name, Type, Comment]),
    (table.PartitionKeys ?? []).map(({ Name, Type }) => [Name, Type]),
    Object.entries(table.Parameters ?? {})
      .filter(([key]) =>
        /^(projection\.|storage\.location\.template$|parquet\.compression$|classification$)/.test(key),
      )
      .sort(),
  ]);

export interface SyncOptions {
  glue: Glue;
  database: string;
  tables: ExternalTable[];
  /** Says what would be done, and does nothing. */
  dryRun?: boolean;
}

/**
 * Makes a Glue database hold these tables as they are described now. What is so already isn't touched, tables of other names
 * are left alone, and running it twice is harmless. It makes no crawler and no partition.
 * @throws FeedtrialError FT_ATHENA_AWS
 */
export async function syncTables(options: SyncOptions): Promise<SyncedTable[]> {
  const { glue, database, tables, dryRun = false } = options;
  return explained(`Glue database ${database}`, async () => {
    const there = await glue.getDatabase({ Name: database }).catch((error: unknown) => {
      if (isMissing(error)) return null;
      throw error;
    });
    if (there === null && !dryRun)
      await glue.createDatabase({
        DatabaseInput: {
          Name: database,
          Description: 'The lake of a Feedtrial study, made by feedtrial athena sync',
        },
      });
    const synced: SyncedTable[] = [];
    for (const table of tables) {
      const TableInput = tableInput(table);
      const found =
        there === null
          ? null
          : await glue.getTable({ DatabaseName: database, Name: table.name }).catch((error: unknown) => {
              if (isMissing(error)) return null;
              throw error;
            });
      let action: SyncAction = 'unchanged';
      if (!found?.Table) {
        action = 'created';
        if (!dryRun) await glue.createTable({ DatabaseName: database, TableInput });
      } else if (essence(found.Table) !== essence(TableInput)) {
        action = 'changed';
        if (!dryRun) await glue.updateTable({ DatabaseName: database, TableInput });
      }
      synced.push({ database, table: table.name, action });
    }
    return synced;
  });
}
