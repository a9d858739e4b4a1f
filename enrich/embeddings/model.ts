import { InferenceSession, Tensor } from '../onnxruntime.ts';

/** The sentence model on one thread. */
export interface SentenceModel {
  /**
   * @param texts token ids of each text; padded here to the longest
   * @returns one vector of unit length a text, one after the other
   */
  embed(texts: readonly (readonly number[])[]): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * On a CPU the fused operator takes more than twice as long as the addition and the normalisation that it stands for: with it,
 * a CPU second embeds 141 posts in place of 163.
 */
const slowFusion = 'SkipLayerNormFusion';

/** Inputs of the model, padded to the longest text. */
export function feedsOf(
  texts: readonly (readonly number[])[],
  inputs: readonly string[],
): Record<string, Tensor> {
  const length = Math.max(...texts.map((ids) => ids.length));
  const ids = new BigInt64Array(texts.length * length);
  const mask = new BigInt64Array(texts.length * length);
  texts.forEach((text, row) => {
    text.forEach((id, column) => {
      ids[row * length + column] = BigInt(id);
      mask[row * length + column] = 1n;
    });
  });
  const shape = [texts.length, length];
  const feeds: Record<string, Tensor> = {
    input_ids: new Tensor('int64', ids, shape),
    attention_mask: new Tensor('int64', mask, shape),
  };
  if (inputs.includes('token_type_ids'))
    feeds['token_type_ids'] = new Tensor('int64', new BigInt64Array(texts.length * length), shape);
  return feeds;
}

/** Mean of a text's token vectors, scaled to unit length, written to `into`. */
function poolMean(hidden: Float32Array, tokens: number, into: Float32Array): void {
  const dimensions = into.length;
  const sum = new Float64Array(dimensions);
  for (let token = 0; token < tokens; token++) {
    const start = token * dimensions;
    for (let d = 0; d < dimensions; d++) sum[d] = (sum[d] as number) + (hidden[start + d] as number);
  }
  let squares = 0;
  for (const x of sum) squares += x * x;
  const norm = Math.sqrt(squares);
  sum.forEach((x, d) => (into[d] = norm === 0 ? 0 : x / norm));
}

/** The model as it is run here; a run keeps its thread busy until it is done. */
export const openSession = (file: string): Promise<InferenceSession> =>
  InferenceSession.create(file, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    extra: { optimization: { disable_specified_optimizers: slowFusion } },
  });

export async function openModel(file: string): Promise<SentenceModel> {
  const session = await openSession(file);
  const outputName = session.outputNames[0] as string;
  return {
    async embed(texts) {
      const output = (await session.run(feedsOf(texts, session.inputNames)))[outputName] as Tensor;
      const [, length, dimensions] = output.dims as [number, number, number];
      const hidden = output.data as Float32Array;
      const vectors = new Float32Array(texts.length * dimensions);
      texts.forEach((text, row) => {
        poolMean(
          hidden.subarray(row * length * dimensions),
          text.length,
          vectors.subarray(row * dimensions, (row + 1) * dimensions),
        );
      });
      output.dispose();
      return vectors;
    },
    close: () => session.release(),
  };
}
