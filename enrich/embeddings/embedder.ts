import { readFile } from 'node:fs/promises';
import * as tokenizers from '@huggingface/tokenizers';
import type { Config } from '../../ops/config/index.ts';
import { enrichErrors } from '../errors.ts';
import { sha256OfFile } from '../sha256.ts';
import { openModelThreads } from './model-threads.ts';
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
/** Tokens a run of the model, padding included: enough to keep a core busy, little enough to stay in its cache. */
const tokensPerRun = 512;
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

/**
 * Loads the sentence model (about 0.2 GB a thread, a second).
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
  const model = await openModelThreads(files.model, config.threads).catch((error: unknown) => {
    throw enrichErrors.weightsBroken(files.model, 'onnxruntime refuses it', error);
  });

  const tokensOf = (text: string): number[] => {
    // a lone surrogate has no UTF-8 and would differ between this tokenizer and others
    const { ids } = tokenizer.encode(text.toWellFormed());
    return ids.length <= maxTokens ? ids : [...ids.slice(0, maxTokens - 1), ids.at(-1) as number];
  };

  const embed = async (texts: readonly string[]): Promise<Float32Array[]> => {
    const tokens = texts.map(tokensOf);
    const embedded = new Array<Float32Array>(texts.length);
    await Promise.all(
      groupByLength(tokens.map((ids) => ids.length)).map(async (group) => {
        const vectors = await model.embed(group.map((index) => tokens[index] as number[]));
        const dimensions = vectors.length / group.length;
        group.forEach((index, row) => {
          embedded[index] = vectors.slice(row * dimensions, (row + 1) * dimensions);
        });
      }),
    );
    return embedded;
  };

  const [probe] = await embed(['.']);
  return {
    version: await sha256OfFile(files.model),
    dimensions: (probe as Float32Array).length,
    embed,
    close: () => model.close(),
  };
}
