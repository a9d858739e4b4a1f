import { EXIT, FeedtrialError } from '../errors/index.ts';

export const dashboardErrors = {
  nothing: () =>
    new FeedtrialError('FT_DASHBOARD_NOTHING', 'nothing was observed yet, so there is nothing to show', {
      fix: "run 'feedtrial cycle' or 'feedtrial observe' first",
      exitCode: EXIT.usage,
    }),
};
