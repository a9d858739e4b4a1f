import { enrichErrors } from '../errors.ts';
import type { Labeler } from '../labeler.ts';
import { embeddingLogit } from '../students/embedding-student.ts';
import { sigmoid } from '../students/ngram-student.ts';
import { readStudent, studentFile } from '../students/starter.ts';
import { decodeEmbeddingStudent } from '../students/weights-file.ts';

/** Version of a student that nobody has trained yet; in seeds/labelers.csv until somebody has. */
const untrained = 'untrained';

/**
 * A labeler from a student that reads embeddings. Embedding a post costs ten thousand times what the student
 * costs, so it reads what `embeddings` has stored and embeds only the posts that have none.
 */
export function studentOnEmbeddings(name: string, label: string): Labeler {
  return {
    name,
    labels: [label],
    batchSize: 500,
    concurrency: 1,
    ratePerSecond: null,
    version: async (config) =>
      studentFile(label, config) === null ? untrained : (await readStudent(label, config)).version,
    notReady: (config) => (studentFile(label, config) === null ? enrichErrors.untrained(name, label) : null),
    async embeddingVersion(config) {
      const { file, text } = await readStudent(label, config);
      return decodeEmbeddingStudent(file, text).embeddingModel;
    },
    async open(context) {
      const { file, text } = await readStudent(label, context.config);
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
