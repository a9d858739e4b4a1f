import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import * as tokenizers from '@huggingface/tokenizers';
import { groupByLength, openEmbedder } from '../enrich/embeddings/embedder.ts';
import { feedsOf, openSession } from '../enrich/embeddings/model.ts';
import { findEmbeddingWeights } from '../enrich/embeddings/weights.ts';
import { embeddings } from '../enrich/labelers/embeddings.ts';
import { InferenceSession, type Tensor } from '../enrich/onnxruntime.ts';
import { loadConfig } from '../ops/config/index.ts';
import { meanLength, postTexts } from './labels/posts.ts';
import { printTable } from './table.ts';

export const claim =
  'at least 300 posts/s of sentence embeddings on two cores, beside the model alone on one thread and ready tensors (half the bound) and one session with batches of 32 as they come (what one would write first)';

interface Tokenizer {
  encode(text: string): { ids: number[] };
}
const { Tokenizer } = tokenizers as unknown as {
  Tokenizer: new (tokenizer: object, config: object) => Tokenizer;
};

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { posts: { type: 'string', default: '4000' } } });
  const config = loadConfig({});
  const real = postTexts();
  const texts = Array.from({ length: Number(values.posts) }, (_, i) => real[(i * 7919) % real.length] ?? '');
  const files = findEmbeddingWeights(config);
  const json = async (file: string): Promise<object> => JSON.parse(await readFile(file, 'utf8')) as object;
  const tokenizer = new Tokenizer(await json(files.tokenizer), await json(files.tokenizerConfig));
  const alone = await openSession(files.model);
  const peer = await InferenceSession.create(files.model, { intraOpNumThreads: config.threads });
  const tokens = texts.map((text) => tokenizer.encode(text).ids.slice(0, 256));
  const perPost = tokens.reduce((sum, ids) => sum + ids.length, 0) / tokens.length;
  console.log(
    `${texts.length} posts of ${meanLength(texts).toFixed(0)} characters and ${perPost.toFixed(0)} tokens, ${config.threads} threads\n`,
  );
  const batches = (size: number): number[][] =>
    Array.from({ length: Math.ceil(texts.length / size) }, (_, i) =>
      texts.flatMap((__, at) => (Math.floor(at / size) === i ? [at] : [])),
    );
  const embedder = await openEmbedder(config);
  const runAll = async (
    session: InferenceSession,
    groups: readonly Record<string, Tensor>[],
  ): Promise<void> => {
    for (const feeds of groups) Object.values(await session.run(feeds)).forEach((tensor) => tensor.dispose());
  };
  const ready = batches(embeddings.batchSize).flatMap((batch) =>
    groupByLength(batch.map((at) => (tokens[at] as number[]).length)).map((group) =>
      feedsOf(
        group.map((at) => tokens[batch[at] as number] as number[]),
        alone.inputNames,
      ),
    ),
  );
  const ways: [string, () => Promise<void>][] = [
    [
      `feedtrial: batches of ${embeddings.batchSize}, grouped by length`,
      async () => {
        for (const batch of batches(embeddings.batchSize))
          await embedder.embed(batch.map((at) => texts[at] as string));
      },
    ],
    ['the model alone, one thread, on the same tensors', () => runAll(alone, ready)],
    [
      'tokenizer alone',
      async () => {
        for (const text of texts) tokenizer.encode(text);
      },
    ],
    [
      `peer: one session, ${config.threads} threads, batches of 32 as they come`,
      async () => {
        for (const batch of batches(32))
          await runAll(peer, [
            feedsOf(
              batch.map((at) => tokenizer.encode(texts[at] as string).ids.slice(0, 256)),
              peer.inputNames,
            ),
          ]);
      },
    ],
  ];
  await embedder.embed(texts.slice(0, 256)); // loaded and compiled before it is measured
  const rows = [];
  try {
    for (const [way, work] of ways) {
      const before = process.cpuUsage();
      const startedMs = performance.now();
      await work();
      const seconds = (performance.now() - startedMs) / 1000;
      const { user, system } = process.cpuUsage(before);
      const cpu = (user + system) / 1e6;
      rows.push({
        way,
        'wall s': seconds,
        'posts/s': texts.length / seconds,
        'CPU s': cpu,
        'posts/CPU-s': texts.length / cpu,
        'RSS MB': process.memoryUsage.rss() / 2 ** 20,
      });
    }
  } finally {
    await embedder.close();
    await Promise.all([alone.release(), peer.release()]);
  }
  printTable(rows);
}
