/** The lake as tables of Glue, Athena and Trino, and queries on them. */
export { athenaDdl, projectionParameters, trinoDdl } from './ddl.ts';
export { athenaErrors } from './errors.ts';
export { syncTables, tableInput, type SyncedTable } from './glue.ts';
export { costOf, runQuery, usdPerTerabyte, type QueryOptions, type QueryResult } from './query.ts';
export { toCsv, toTable, writeParquet } from './result.ts';
export { describeTables, type Databases, type ExternalTable, type Projection } from './tables.ts';
