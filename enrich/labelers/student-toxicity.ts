import type { Labeler } from '../labeler.ts';
import { createNgramHasher } from '../students/ngrams.ts';
import { ngramLogit, sigmoid } from '../students/ngram-student.ts';
import { readStudent } from '../students/starter.ts';
import { decodeNgramStudent } from '../students/weights-file.ts';

/** Probability that a post is toxic, by hashed n-grams; see students/starter/toxic.md for what it can and can't do. */
export const studentToxicity: Labeler = {
  name: 'student_toxicity',
  labels: ['toxic'],
  batchSize: 1000,
  concurrency: 1,
  ratePerSecond: null,
  version: async (config) => (await readStudent('toxic', config)).version,
  async open({ config }) {
    const { file, text } = await readStudent('toxic', config);
    const student = decodeNgramStudent(file, text);
    const hasher = createNgramHasher(student.space);
    return {
      async ask(posts) {
        return posts.map((post) => ({
          status: 'ok',
          values: [{ label: 'toxic', score: sigmoid(ngramLogit(student, post.text, hasher)) }],
        }));
      },
      async close() {},
    };
  },
};
