import { embeddingVersion } from '../embeddings/embedder.ts';
import type { Labeler } from '../labeler.ts';

/** A vector of unit length a post, by a sentence model on this machine; rows of labels/embeddings. */
export const embeddings: Labeler = {
  name: 'embeddings',
  labels: [],
  batchSize: 512, // of many posts, enough are of like length that little is padded
  concurrency: 1,
  ratePerSecond: null,
  version: embeddingVersion,
  async open(context) {
    const embedder = await context.embedder();
    return {
      async ask(posts) {
        const vectors = await embedder.embed(posts.map((post) => post.text));
        return vectors.map((embedding) => ({ status: 'ok', embedding }));
      },
      async close() {},
    };
  },
};
