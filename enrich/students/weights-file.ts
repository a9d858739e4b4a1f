import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { z } from 'zod';
import { describeError } from '../../ops/errors/index.ts';
import { enrichErrors } from '../errors.ts';
import type { EmbeddingModel } from './embedding-student.ts';
import type { SmallNgramModel } from './ngram-student.ts';

const ngramWeights = z.object({
  step: z.number().positive(),
  /** int8 a bucket, deflated, base64 */
  weights: z.base64(),
});

const ngramFile = z.object({
  format: z.literal('ngram-logistic/2'),
  label: z.string(),
  space: z.object({
    bits: z.number().int().min(8).max(24),
    maxWords: z.number().int().min(1).max(4),
    minCharacters: z.number().int().min(1).max(8),
    maxCharacters: z.number().int().min(1).max(8),
  }),
  bias: z.number(),
  whole: ngramWeights,
  tail: ngramWeights.extend({ floor: z.number() }),
});

const embeddingFile = z.object({
  format: z.literal('embedding-logistic/1'),
  label: z.string(),
  /** sha256 of the sentence model */
  embedding_model: z.string(),
  bias: z.number(),
  /** float32 little-endian a dimension, base64 */
  weights: z.base64(),
});

/** One key a line, long base64 as it is: Prettier's own form, so that formatting never changes a version. */
const serialise = (file: object): string => `${JSON.stringify(file, null, 2)}\n`;

const packWeights = ({ step, weights }: SmallNgramModel['whole']): z.infer<typeof ngramWeights> => {
  const bytes = new Uint8Array(weights.buffer, weights.byteOffset, weights.length);
  return { step, weights: deflateRawSync(bytes, { level: 9 }).toString('base64') };
};

/** Text of a weights file; its sha256 is the student's version. */
export function encodeNgramStudent(label: string, { space, bias, whole, tail }: SmallNgramModel): string {
  return serialise({
    format: 'ngram-logistic/2',
    label,
    space,
    bias,
    whole: packWeights(whole),
    tail: { floor: tail.floor, ...packWeights(tail) },
  });
}

/** Text of a weights file; its sha256 is the student's version. */
export function encodeEmbeddingStudent(label: string, model: EmbeddingModel): string {
  const bytes = Buffer.alloc(model.weights.length * 4);
  model.weights.forEach((weight, i) => bytes.writeFloatLE(weight, i * 4));
  return serialise({
    format: 'embedding-logistic/1',
    label,
    embedding_model: model.embeddingModel,
    bias: model.bias,
    weights: bytes.toString('base64'),
  });
}

function parse<T>(schema: z.ZodType<T>, file: string, text: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw enrichErrors.weightsBroken(file, describeError(error), error);
  }
}

/** @throws FeedtrialError FT_ENRICH_WEIGHTS_BROKEN naming `file` */
export function decodeNgramStudent(file: string, text: string): SmallNgramModel & { label: string } {
  const { label, space, bias, whole, tail } = parse(ngramFile, file, text);
  const size = 2 ** space.bits;
  const unpack = ({ step, weights }: z.infer<typeof ngramWeights>): SmallNgramModel['whole'] => {
    let bytes: Buffer;
    try {
      bytes = inflateRawSync(Buffer.from(weights, 'base64'), { maxOutputLength: size });
    } catch (error) {
      throw enrichErrors.weightsBroken(file, 'its weights do not unpack', error);
    }
    if (bytes.length !== size)
      throw enrichErrors.weightsBroken(file, `expected ${size} weights, found ${bytes.length}`);
    return { step, weights: new Int8Array(bytes.buffer, bytes.byteOffset, size) };
  };
  return { label, space, bias, whole: unpack(whole), tail: { ...unpack(tail), floor: tail.floor } };
}

/** @throws FeedtrialError FT_ENRICH_WEIGHTS_BROKEN naming `file` */
export function decodeEmbeddingStudent(file: string, text: string): EmbeddingModel & { label: string } {
  const { label, embedding_model, bias, weights } = parse(embeddingFile, file, text);
  const bytes = Buffer.from(weights, 'base64');
  if (bytes.length === 0 || bytes.length % 4 !== 0)
    throw enrichErrors.weightsBroken(file, `expected 4 bytes a weight, found ${bytes.length} bytes`);
  const numbers = Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
  return { label, embeddingModel: embedding_model, bias, weights: numbers };
}
