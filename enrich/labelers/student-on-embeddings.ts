import { enrichErrors } from '../errors.ts';
import type { Labeler } from '../labeler.ts';
import { embeddingLogit } from '../students/embedding-student.ts';
import { sigmoid } from '../students/ngram-student.ts';
import { readStarter, type StarterLabel } from '../students/starter.ts';
import { decodeEmbeddingStudent } from '../students/weights-file.ts';

/**
 * A labeler from a starter student that reads embeddings. Embedding a post costs ten thousand times what the student
 * costs, so it reads what `embeddings` has stored and embeds only the posts that have none.
 */
export function studentOnEmbeddings(name: string, label: StarterLabel): Labeler {
  return {
    name,
    labels: [label],
    batchSize: 500,
    concurrency: 1,
    ratePerSecond: null,
    version: async () => (await readStarter(label)).version,
    async embeddingVersion() {
      const { file, text } = await readStarter(label);
      return decodeEmbeddingStudent(file, text).embeddingModel;
    },
    async open(context) {
      const { file, text } = await readStarter(label);
      const student = decodeEmbeddingStudent(file, text);
      return {
        async ask(posts) {
          const missing = posts.filter((post) => post.embedding === null);
          const embedded = new Map<string, Float32Array>();
          if (missing.length > 0) {
            const embedder = await context.embedder();
            if (embedder.version !== student.embeddingModel)
              throw enrichErrors.otherEmbeddings(name, student.embeddingModel, embedder.version);
            const vectors = await embedder.embed(missing.map((post) => post.text));
            missing.forEach((post, i) => embedded.set(post.uri, vectors[i] as Float32Array));
          }
          return posts.map((post) => {
            const embedding = post.embedding ?? (embedded.get(post.uri) as Float32Array);
            return { status: 'ok', values: [{ label, score: sigmoid(embeddingLogit(student, embedding)) }] };
          });
        },
        async close() {},
      };
    },
  };
}
