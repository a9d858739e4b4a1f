import { EXIT, FeedtrialError } from '../errors/index.ts';

export const lakeCommandErrors = {
  same: (root: string) =>
    new FeedtrialError('FT_LAKE_COPY_SAME', `'${root}' can not be copied into itself`, {
      fix: 'give two places, neither inside the other: a folder or s3://bucket/prefix each',
      exitCode: EXIT.usage,
    }),
  empty: (root: string) =>
    new FeedtrialError('FT_LAKE_COPY_EMPTY', `there is nothing in '${root}' to copy`, {
      fix: 'check the first place, and --prefix',
      exitCode: EXIT.usage,
    }),
};
