import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { embeddingLogit, trainEmbeddingModel } from '../../../enrich/students/embedding-student.ts';
import { seededRandom } from '../../../enrich/students/evaluate.ts';
import { fitTail } from '../../../enrich/students/fit-tail.ts';
import { crossValidate } from '../../../enrich/students/folds.ts';
import { splitByAuthorAndTime } from '../../../enrich/students/split.ts';
import { createNgramHasher, starterSpace } from '../../../enrich/students/ngrams.ts';
import {
  fitCalibration,
  ngramLogit,
  quantise,
  sigmoid,
  trainNgramModel,
} from '../../../enrich/students/ngram-student.ts';
import {
  decodeEmbeddingStudent,
  decodeNgramStudent,
  encodeEmbeddingStudent,
  encodeNgramStudent,
} from '../../../enrich/students/weights-file.ts';

const space = { ...starterSpace, bits: 12 };

describe('hashed n-grams', () => {
  it('are in range, without repetition, and the same for the same text whatever came before', () => {
    const used = createNgramHasher(space);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        const buckets = Array.from(used.buckets.subarray(0, used.hash(text)));
        const fresh = createNgramHasher(space);
        expect(Array.from(fresh.buckets.subarray(0, fresh.hash(text)))).toEqual(buckets);
        expect(new Set(buckets).size).toBe(buckets.length);
        expect(buckets.every((bucket) => bucket < 2 ** space.bits)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('see neither case, nor whom a post addresses, nor where a link leads', () => {
    const hasher = createNgramHasher(space);
    const of = (text: string) => Array.from(hasher.buckets.subarray(0, hasher.hash(text)));
    expect(of('LOOK at @alice.test https://a.test/1')).toEqual(of('look AT @bob.test https://b.test/2?x=y'));
    expect(of('look at this')).not.toEqual(of('look at that'));
  });
});

describe('an n-gram student', () => {
  const examples = Array.from({ length: 200 }, (_, i) => ({
    text: i % 2 === 0 ? `pleasant words number ${i}` : `dreadful words number ${i}`,
    target: i % 2 === 0 ? 0.1 : 0.9,
  }));
  const train = () =>
    trainNgramModel(examples, {
      space,
      epochs: 4,
      learningRate: 0.3,
      decay: 1e-4,
      logOddsShare: 0.2,
      tail: { minTexts: 2, ridge: 0.1, steps: 60, gain: 8, floor: 0.03 },
      random: seededRandom(1),
    });

  it('learns what separates its examples, the same way every time', () => {
    const model = train();
    expect(train()).toEqual(model);
    const hasher = createNgramHasher(space);
    const score = (text: string) => sigmoid(ngramLogit(model, text, hasher));
    expect(score('a dreadful evening')).toBeGreaterThan(0.5);
    expect(score('a pleasant evening')).toBeLessThan(0.5);
  });

  it('comes back from its file as it went in, and one byte a weight moves a score by little', () => {
    const model = train();
    const small = quantise(model);
    const read = decodeNgramStudent('x.json', encodeNgramStudent('toxic', small));
    expect(read).toEqual({ ...small, label: 'toxic' });
    const hasher = createNgramHasher(space);
    for (const { text } of examples)
      expect(sigmoid(ngramLogit(read, text, hasher))).toBeCloseTo(
        sigmoid(ngramLogit(model, text, hasher)),
        1,
      );
  });

  it.each([
    ['no JSON', 'x'],
    ['another format', '{"format":"embedding-logistic/1"}'],
    [
      'too few weights',
      JSON.stringify({
        ...(JSON.parse(encodeNgramStudent('toxic', quantise(train()))) as object),
        space: { ...space, bits: 13 },
      }),
    ],
  ])('refuses a file with %s', (_, text) => {
    expect(() => decodeNgramStudent('x.json', text)).toThrow(
      expect.objectContaining({
        code: 'FT_ENRICH_WEIGHTS_BROKEN',
        message: expect.stringContaining('x.json') as string,
      }),
    );
  });
});

describe('the tail of an n-gram student', () => {
  /** Buckets: 0 is in every text, 1 in those that stand out, and each text has one of its own. */
  const targets = Array.from({ length: 60 }, (_, i) => (i % 10 === 0 ? 0.9 : 0.1));
  const texts = targets.map((target, i) => Uint32Array.from(target > 0.5 ? [0, 1, 10 + i] : [0, 10 + i]));
  const fit = (ridge: number) => fitTail(texts, targets, 128, { minTexts: 2, ridge, steps: 60 });
  const valueOf = (weights: Float32Array, text: Uint32Array) =>
    text.reduce((sum, bucket) => sum + (weights[bucket] as number), 0) / Math.sqrt(text.length);

  it('solves its equations: residual and ridge balance on every weight', () => {
    // w_b = idf_b^2 * (sum over texts with b of scale * (target - mean - value)) / penalty, with one penalty for all
    const weights = fit(0.1);
    const mean = targets.reduce((sum, target) => sum + target, 0) / targets.length;
    const penalties = [0, 1].map((bucket) => {
      const holders = texts.flatMap((text, i) => (text.includes(bucket) ? [i] : []));
      const pull = holders.reduce((sum, i) => {
        const text = texts[i] as Uint32Array;
        return sum + ((targets[i] as number) - mean - valueOf(weights, text)) / Math.sqrt(text.length);
      }, 0);
      const idf = 1 + Math.log((1 + texts.length) / (1 + holders.length));
      return (idf ** 2 * pull) / (weights[bucket] as number);
    });
    expect((penalties[0] as number) / (penalties[1] as number)).toBeCloseTo(1, 1);
  });

  it('gives no weight to what one text alone has, and less weight under a stronger ridge', () => {
    const weak = fit(0.01);
    expect(weak.subarray(10)).toEqual(new Float32Array(118));
    expect(fit(1000)[1]).toBeLessThan((weak[1] as number) / 2);
  });
});

describe('an embedding student', () => {
  const random = seededRandom(5);
  const rows = Array.from({ length: 120 }, () => {
    const raw = Array.from({ length: 8 }, () => random() - 0.5);
    const norm = Math.hypot(...raw);
    return Float32Array.from(raw, (x) => x / norm);
  });
  const targets = rows.map((row) => ((row[0] as number) > 0 ? 1 : 0));

  it('finds the direction that separates, shrunk by the ridge', () => {
    const weak = trainEmbeddingModel(rows, targets, 0.1);
    const strong = trainEmbeddingModel(rows, targets, 10);
    const right = rows.filter((row, i) => embeddingLogit(weak, row) > 0 === (targets[i] === 1)).length;
    expect(right / rows.length).toBeGreaterThan(0.95);
    expect(Math.hypot(...strong.weights)).toBeLessThan(Math.hypot(...weak.weights) / 2);
  });

  it('is where the gradient of its loss is zero', () => {
    const ridge = 1;
    const model = trainEmbeddingModel(rows, targets, ridge);
    for (let d = 0; d < 8; d++) {
      const gradient = rows.reduce(
        (sum, row, i) =>
          sum + (sigmoid(embeddingLogit(model, row)) - (targets[i] as number)) * (row[d] as number),
        ridge * (model.weights[d] as number),
      );
      expect(Math.abs(gradient) / rows.length).toBeLessThan(1e-4);
    }
  });

  it('comes back from its file as it went in', () => {
    const model = { ...trainEmbeddingModel(rows, targets, 1), embeddingModel: 'abc' };
    expect(decodeEmbeddingStudent('x.json', encodeEmbeddingStudent('constructive', model))).toEqual({
      ...model,
      label: 'constructive',
    });
  });
});

describe('calibration', () => {
  it('finds the line that was laid over the log-odds', () => {
    const logits = Array.from({ length: 400 }, (_, i) => (i - 200) / 50);
    const found = fitCalibration(
      logits,
      logits.map((x) => sigmoid(0.5 * x - 1)),
    );
    expect(found.slope).toBeCloseTo(0.5, 6);
    expect(found.offset).toBeCloseTo(-1, 6);
  });
});

describe('cross-validation', () => {
  it('never scores a row by a model that saw its author', () => {
    const authors = Array.from({ length: 100 }, (_, i) => `author ${i % 17}`);
    const predicted = crossValidate(authors, 5, (train) => {
      const seen = new Set(train.map((row) => authors[row]));
      return (row) => (seen.has(authors[row]) ? NaN : 1);
    });
    expect(Array.from(predicted)).toEqual(authors.map(() => 1));
  });
});

describe('the split by author and time', () => {
  it('measures on nobody who was trained on, and on nothing earlier than what was', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ did: fc.integer({ min: 0, max: 30 }).map((i) => `did:plc:${i}`), eventUs: fc.nat() }),
        ),
        (rows) => {
          const { train, heldOut } = splitByAuthorAndTime(rows);
          const authors = new Set(train.map(({ did }) => did));
          for (const { did } of heldOut) expect(authors).not.toContain(did);
          const newest = Math.max(-1, ...train.map(({ eventUs }) => eventUs));
          for (const { eventUs } of heldOut) expect(eventUs).toBeGreaterThan(newest);
        },
      ),
    );
  });
});
