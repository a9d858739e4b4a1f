import { EXIT, FeedtrialError } from '../errors/index.ts';

export const rehearseErrors = {
  port: (port: number, cause: unknown) =>
    new FeedtrialError('FT_REHEARSE_PORT', `port ${port} of 127.0.0.1 can't be listened on`, {
      fix: 'give another one, or 0 for any that is free',
      exitCode: EXIT.usage,
      cause,
    }),
};
