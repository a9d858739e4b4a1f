import * as feeds from './feeds.ts';
import * as labels from './labels.ts';
import * as raw from './raw.ts';
import type { Table } from './define.ts';

export { collectionGroup, collectionGroups, otherCollections } from './collections.ts';
export type { Column, ColumnType, Table } from './define.ts';

/** Every table at every boundary, by the name that code uses. */
export const tables = { ...raw, ...labels, ...feeds } as const satisfies Record<string, Table>;

/** Tables of the private lake: out of reach of whoever may read the other one. */
export const privateTables: ReadonlySet<Table> = new Set<Table>([
  tables.participants,
  tables.pairs,
  tables.pseudonyms,
]);
