import { readTable, sqlText, tables, type Engine, type Lake, type Table } from '../../../lake/index.ts';

/**
 * Lets a lake's records and labels arrive in another one piece by piece: the rows of a piece are a share of those of every
 * partition, whatever their time, and a fifth of them come again with the piece after, as they do from a second source or
 * after a crash.
 */
export interface Arrivals {
  pieces: number;
  /** Writes one piece, from 0 on, as new files. */
  arrive(piece: number, into: Lake): Promise<void>;
}

interface Arriving {
  table: Table;
  /** Expression that tells rows apart. */
  identity: string;
}

const arriving: Arriving[] = [
  {
    table: tables.records,
    identity: `concat_ws('|', did, "collection", rkey, operation, rev, source, event_us)`,
  },
  { table: tables.labels, identity: `concat_ws('|', uri, labeler, label, attempt, status)` },
  { table: tables.embeddings, identity: 'uri' },
];

export function arrivalsOf(engine: Engine, from: Lake, pieces: number, seed: string): Arrivals {
  const place = (identity: string): string =>
    `(md5_number_lower(concat(${sqlText(seed)}, ${identity})) % ${pieces})::INTEGER`;
  return {
    pieces,
    async arrive(piece, into) {
      for (const { table, identity } of arriving) {
        const again = `(${place(identity)} = ${piece - 1} AND md5_number_upper(${identity}) % 5 = 0)`;
        await engine.run(
          `COPY (SELECT * FROM ${readTable(from, table)} WHERE ${place(identity)} = ${piece} OR ${again})
           TO ${sqlText(into.uri(table.folder))}
           (FORMAT parquet, PARTITION_BY (${table.partitions.map((key) => `"${key}"`).join(', ')}),
            OVERWRITE_OR_IGNORE, FILENAME_PATTERN ${sqlText(`piece-${seed}-${piece}-{i}`)})`,
        );
      }
    },
  };
}
