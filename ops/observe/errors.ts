import { FeedtrialError } from '../errors/index.ts';

export const observeErrors = {
  notBuilt: () =>
    new FeedtrialError(
      'FT_OBSERVE_NOT_BUILT',
      'there is nothing to observe yet: the models were never built',
      {
        fix: "run 'feedtrial transform' or 'feedtrial cycle' first; if they fail, 'feedtrial runs' says why",
      },
    ),
};
