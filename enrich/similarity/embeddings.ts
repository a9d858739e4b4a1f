import { DuckDBFloatVector, DuckDBListVector } from '@duckdb/node-api';
import type { Engine } from '../../lake/index.ts';
import type { Matrix } from './nearest.ts';
import { similarityErrors } from './errors.ts';

/** A run of posts with their embeddings, in the query's order. */
export interface EmbeddedBlock extends Matrix {
  uris: string[];
}

const postsAtOnce = 8192;

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
 * Streams a query's `uri, embedding`, which it sorts by URI, in blocks. The block's array is used again for the next: take what you need first.
 * @throws FeedtrialError FT_SIMILARITY_WIDTH where embeddings of different width meet
 */
export async function* embeddedBlocks(engine: Engine, query: string): AsyncGenerator<EmbeddedBlock> {
  const result = await engine.connection.stream(query);
  let width = 0;
  let values = new Float32Array();
  let uris: string[] = [];
  let previous: string | undefined;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    const names = chunk.getColumnValues(0);
    const lists = chunk.getColumnVector(1);
    if (!(lists instanceof DuckDBListVector)) throw new TypeError('the second column is no list');
    const numbers = lists.childVector;
    if (!(numbers instanceof DuckDBFloatVector)) throw new TypeError('the second column is no list of FLOAT');
    const floats = floatsOf(numbers);
    for (let row = 0; row < chunk.rowCount; row++) {
      const length = lists.getEntryLength(row);
      if (width === 0) {
        width = length;
        values = new Float32Array(postsAtOnce * width);
      }
      const uri = String(names[row]);
      // The query is sorted by URI; a row that was written twice is one post.
      if (uri === previous) continue;
      previous = uri;
      if (length !== width) throw similarityErrors.width(uri, length, width);
      const from = lists.getEntryOffset(row);
      const to = uris.length * width;
      values.set(floats.subarray(from, from + width), to);
      uris.push(uri);
      if (uris.length === postsAtOnce) {
        yield { uris, values, rows: uris.length, width };
        uris = [];
      }
    }
  }
  if (uris.length > 0) yield { uris, values, rows: uris.length, width };
}
