import { readFile } from 'node:fs/promises';
import * as tokenizers from '@huggingface/tokenizers';
import { InferenceSession, Tensor } from '../onnxruntime.ts';
import type { Config } from '../../ops/config/index.ts';
import { enrichErrors } from '../errors.ts';
import { sha256OfFile } from '../sha256.ts';
import { findEmbeddingWeights } from './weights.ts';

export interface Embedder {
  /** sha256 of the ONNX file. */
  readonly version: string;
  /** Numbers an embedding: 384 for all-MiniLM-L6-v2. */
  readonly dimensions: number;
  /**
   * Embeds texts. A text's embedding doesn't depend on what else is in the batch.
   * @returns one vector of unit length a text, in the order of the texts
   */
  embed(texts: readonly string[]): Promise<Float32Array[]>;
  close(): Promise<void>;
}

/** The model's own limit; a post of 300 characters has 60 to 100 tokens in Latin script, up to 300 in others. */
const maxTokens = 256;
/** Tokens a run of the model, padding included: enough to keep two cores busy, little enough to stay in their cache. */
const tokensPerRun = 512;
/**
 * On a CPU the fused operator takes more than twice as long as the addition and the normalisation that it stands for: with it,
 * a CPU second embeds 141 posts in place of 163.
 */
const slowFusion = 'SkipLayerNormFusion';

/** What is used of the tokenizer; the types that its package brings don't resolve under NodeNext. */
interface Tokenizer {
  encode(text: string): { ids: number[] };
}
const { Tokenizer } = tokenizers as unknown as {
  Tokenizer: new (tokenizer: object, config: object) => Tokenizer;
};

/** sha256 of the model that would be used; reads the file, doesn't load the model. */
export async function embeddingVersion(config: Config): Promise<string> {
  return sha256OfFile(findEmbeddingWeights(config).model);
}

/**
 * Groups texts by length, so that little is padded.
 * @example lengths [3, 9, 3], 6 tokens a run -> [[0, 2], [1]]
 */
export function groupByLength(lengths: readonly number[], budget = tokensPerRun): number[][] {
  const order = lengths
    .map((_, index) => index)
    .sort((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0) || a - b);
  const groups: number[][] = [];
  let group: number[] = [];
  for (const index of order) {
    const longest = lengths[index] ?? 0; // the order is ascending, so this one would be the longest of its group
    if (group.length > 0 && (group.length + 1) * longest > budget) {
      groups.push(group);
      group = [];
    }
    group.push(index);
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

/** Mean of a text's token vectors, scaled to unit length. */
function poolMean(hidden: Float32Array, at: number, tokens: number, dimensions: number): Float32Array {
  const sum = new Float64Array(dimensions);
  for (let token = 0; token < tokens; token++) {
    const start = at + token * dimensions;
    for (let d = 0; d < dimensions; d++) sum[d] = (sum[d] as number) + (hidden[start + d] as number);
  }
  let squares = 0;
  for (const x of sum) squares += x * x;
  const norm = Math.sqrt(squares);
  return Float32Array.from(sum, (x) => (norm === 0 ? 0 : x / norm));
}

/** The model as it is run here. */
export const openSession = (model: string, threads: number): Promise<InferenceSession> =>
  InferenceSession.create(model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    extra: { optimization: { disable_specified_optimizers: slowFusion } },
  });

/**
 * Loads the sentence model (about 0.1 GB, under a second).
 * @throws FeedtrialError FT_ENRICH_WEIGHTS_MISSING
 */
export async function openEmbedder(config: Config): Promise<Embedder> {
  const files = findEmbeddingWeights(config);
  const parse = async (file: string): Promise<object> => {
    try {
      return JSON.parse(await readFile(file, 'utf8')) as object;
    } catch (error) {
      throw enrichErrors.weightsBroken(file, 'it is not JSON', error);
    }
  };
  const tokenizer = new Tokenizer(await parse(files.tokenizer), await parse(files.tokenizerConfig));
  const session = await openSession(files.model, config.threads).catch((error: unknown) => {
    throw enrichErrors.weightsBroken(files.model, 'onnxruntime refuses it', error);
  });
  const outputName = session.outputNames[0] as string;

  const tokensOf = (text: string): number[] => {
    // a lone surrogate has no UTF-8 and would differ between this tokenizer and others
    const { ids } = tokenizer.encode(text.toWellFormed());
    return ids.length <= maxTokens ? ids : [...ids.slice(0, maxTokens - 1), ids.at(-1) as number];
  };

  const embed = async (texts: readonly string[]): Promise<Float32Array[]> => {
    const tokens = texts.map(tokensOf);
    const embedded = new Array<Float32Array>(texts.length);
    for (const group of groupByLength(tokens.map((ids) => ids.length))) {
      const length = Math.max(...group.map((index) => (tokens[index] as number[]).length));
      const shape = [group.length, length];
      const ids = new BigInt64Array(group.length * length);
      const mask = new BigInt64Array(group.length * length);
      group.forEach((index, row) => {
        (tokens[index] as number[]).forEach((id, column) => {
          ids[row * length + column] = BigInt(id);
          mask[row * length + column] = 1n;
        });
      });
      const feeds: Record<string, Tensor> = {
        input_ids: new Tensor('int64', ids, shape),
        attention_mask: new Tensor('int64', mask, shape),
      };
      if (session.inputNames.includes('token_type_ids'))
        feeds.token_type_ids = new Tensor('int64', new BigInt64Array(group.length * length), shape);
      const output = (await session.run(feeds))[outputName] as Tensor;
      const dimensions = output.dims.at(-1) as number;
      group.forEach((index, row) => {
        const count = (tokens[index] as number[]).length;
        embedded[index] = poolMean(output.data as Float32Array, row * length * dimensions, count, dimensions);
      });
      output.dispose();
    }
    return embedded;
  };

  const [probe] = await embed(['.']);
  return {
    version: await sha256OfFile(files.model),
    dimensions: (probe as Float32Array).length,
    embed,
    close: () => session.release(),
  };
}
