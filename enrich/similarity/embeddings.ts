import { DuckDBFloatVector, DuckDBListVector } from '@duckdb/node-api';
import type { Engine } from '../../lake/index.ts';
import type { Matrix } from './nearest.ts';
import { similarityErrors } from './errors.ts';

/** Embeddings of numbered posts, as many at once as fit a bounded array. */
export interface Embeddings {
  /** Numbers in an embedding; 0 where there is none. */
  readonly width: number;
  /** Goes through all posts in the order of their numbers; what one pass has read, the next needn't read again if it was all. */
  slices(): AsyncGenerator<EmbeddedSlice>;
}

/** Posts `from` to `from + rows - 1`; the array is used again for the next slice. */
export interface EmbeddedSlice extends Matrix {
  from: number;
}

/** 400 MB of 384 numbers each: a study's posts of two days in one. */
const sliceRows = 262_144;

/**
 * The numbers of a vector as they lie in memory: asking for them one by one took a third of the whole stage. The field is
 * not part of the binding's declared face, hence the check. No embedding holds nulls.
 */
function floatsOf(vector: DuckDBFloatVector): Float32Array {
  const { items } = vector as unknown as { items?: unknown };
  return items instanceof Float32Array
    ? items
    : Float32Array.from({ length: vector.itemCount }, (_, i) => vector.getItem(i) ?? 0);
}

/**
 * Opens the embeddings of the table `chosen (row, …)`, whose rows are numbered from 0 without a gap. The wide rows come in whatever
 * order they lie in and are put at their place: sorting them cost more than the product that they are for.
 * @param query `row, embedding` of posts whose `chosen.row` is in a range, given as SQL
 * @throws FeedtrialError FT_SIMILARITY_WIDTH where embeddings of different width meet
 */
export async function openEmbeddings(
  engine: Engine,
  query: (range: string) => string,
  rowsAtOnce = sliceRows,
): Promise<Embeddings> {
  const [{ rows = 0 } = {}] = await engine.rows<{ rows: number }>(
    'SELECT count(*)::INTEGER AS rows FROM chosen',
  );
  let width = 0;
  let values = new Float32Array();
  let loaded = -1;

  const load = async (from: number): Promise<EmbeddedSlice> => {
    const count = Math.min(rowsAtOnce, rows - from);
    const slice = (): EmbeddedSlice => ({ from, rows: count, width, values });
    if (loaded === from) return slice();
    loaded = -1;
    const result = await engine.connection.stream(
      query(`chosen.row >= ${from} AND chosen.row < ${from + count}`),
    );
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) break;
      const places = chunk.getColumnValues(0) as number[];
      const lists = chunk.getColumnVector(1);
      if (!(lists instanceof DuckDBListVector)) throw new TypeError('the second column is no list');
      const numbers = lists.childVector;
      if (!(numbers instanceof DuckDBFloatVector))
        throw new TypeError('the second column is no list of FLOAT');
      const floats = floatsOf(numbers);
      for (const [i, row] of places.entries()) {
        const length = lists.getEntryLength(i);
        if (width === 0) {
          width = length;
          values = new Float32Array(Math.min(rows, rowsAtOnce) * width);
        }
        if (length !== width) {
          const [{ uri = '' } = {}] = await engine.rows<{ uri: string }>(
            `SELECT uri FROM chosen WHERE row = ${row}`,
          );
          throw similarityErrors.width(uri, length, width);
        }
        const at = lists.getEntryOffset(i);
        values.set(floats.subarray(at, at + width), (row - from) * width);
      }
    }
    loaded = from;
    return slice();
  };

  return {
    get width() {
      return width;
    },
    async *slices() {
      for (let from = 0; from < rows; from += rowsAtOnce) yield await load(from);
    },
  };
}
