import { FeedtrialError } from '../../ops/errors/index.ts';

export const feedErrors = {
  servingMalformed: (detail: string, cause?: unknown) =>
    new FeedtrialError('FT_LAKE_SERVING_MALFORMED', `not a serving file: ${detail}`, {
      fix: 'rank again: a generation is written whole, so a file that is not one was damaged afterwards',
      cause,
    }),
  servingInvalid: (detail: string) =>
    new FeedtrialError('FT_LAKE_SERVING_INVALID', `the feeds can not be written for serving: ${detail}`, {
      fix: 'look at the rows of this generation in fct_feeds',
    }),
  currentMalformed: (detail: string) =>
    new FeedtrialError('FT_LAKE_CURRENT_MALFORMED', `feeds/current.json is not a pointer: ${detail}`, {
      fix: 'publish a generation again; feeds/ holds every generation that was published',
    }),
};
