import { FeedtrialError } from '../errors/index.ts';

export const labelsErrors = {
  nothing: () =>
    new FeedtrialError('FT_LABELS_NOTHING', 'nothing has been observed yet', {
      fix: "run 'feedtrial cycle', which observes at its end, or 'feedtrial observe'",
    }),
};
