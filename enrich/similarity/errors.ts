import { FeedtrialError } from '../../ops/errors/index.ts';

export const similarityErrors = {
  width: (uri: string, came: number, expected: number) =>
    new FeedtrialError(
      'FT_SIMILARITY_WIDTH',
      `the embedding of ${uri} has ${came} numbers where others of the same version have ${expected}`,
      {
        fix: 'remove the labels/embeddings files of that version that another model wrote, then enrich again',
      },
    ),
};
