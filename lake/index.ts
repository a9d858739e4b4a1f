/** The storage contract: what is where, in which shape, and how it is put there. */
export { openLake } from './store/open.ts';
export { isS3, parseS3Url, s3Connection } from './store/s3/connection.ts';
export { makePrivate } from './store/private.ts';
export { publishFolder, removeOldPublishes } from './store/publishes.ts';
export type { Lake, StoredFile } from './store/store.ts';
export {
  collectionGroup,
  collectionGroups,
  otherCollections,
  privateTables,
  tables,
  type Column,
  type ColumnType,
  type Table,
} from './schemas/index.ts';
export * from './lock/index.ts';
export * from './segments/index.ts';
export * from './feeds/index.ts';
export * from './tombstones/index.ts';
export { openEngine, sqlText, type Engine, type EngineOptions } from './parquet/engine.ts';
export {
  copyToLake,
  ensureTables,
  parquetOptions,
  jsonColumns,
  partitionFolder,
  partitionTime,
  currentRows,
  readCurrent,
  readTable,
  tableGlob,
  typedColumns,
  writeRows,
  type Partition,
} from './parquet/write.ts';
