import type { Labeler } from '../labeler.ts';

// Links, handles and hashtags are no one's language: without them a short post is judged by its own words.
const notWords = /https?:\/\/\S+|www\.\S+|[@#][\p{L}\p{N}_.:-]+/gu;

/** Undetermined, by ISO 639-2: a text without words, or in a script that the model doesn't know. */
const undetermined = 'und';

/**
 * ISO 639-1 code of the text's own language in `text_value` ('und' where there is none to see), the model's confidence
 * in `score`. What authors say of their language is often wrong and isn't looked at. Which confidence suffices is SQL's
 * to decide.
 */
export const language: Labeler = {
  name: 'language',
  labels: ['language'],
  batchSize: 1000,
  concurrency: 1,
  ratePerSecond: null,
  // the package, its model, and how the text is prepared here: whoever changes one of them raises the last number
  version: async () => 'eld-2.1.0-medium-1',
  async open() {
    const { eld } = await import('eld/medium'); // 300 MB: loaded only by runs that use it
    return {
      async ask(posts) {
        return posts.map(({ text }) => {
          const detected = eld.detect(text.replace(notWords, ' '));
          const code = detected.language === '' ? undetermined : detected.language;
          const score = detected.getScores()[detected.language] ?? 0;
          return { status: 'ok', values: [{ label: 'language', score, textValue: code }] };
        });
      },
      async close() {},
    };
  },
};
