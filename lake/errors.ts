import { EXIT, FeedtrialError } from '../ops/errors/index.ts';

export const lakeErrors = {
  unsupported: (root: string) =>
    new FeedtrialError('FT_LAKE_UNSUPPORTED', `no store for the lake '${root}'`, {
      fix: 'set FEEDTRIAL_LAKE to a folder',
      exitCode: EXIT.usage,
    }),
  pathEscapes: (path: string) =>
    new FeedtrialError('FT_LAKE_PATH', `'${path}' is not a path inside the lake`, {
      fix: 'use a relative path with forward slashes and no ".."',
    }),
  raced: (path: string) =>
    new FeedtrialError('FT_LAKE_POINTER_RACED', `'${path}' was moved by another publisher meanwhile`, {
      fix: 'look at what was published, then run the command again if it is still wanted',
    }),
};
