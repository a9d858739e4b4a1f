import { EXIT, FeedtrialError } from '../ops/errors/index.ts';

export const lakeErrors = {
  unsupported: (root: string) =>
    new FeedtrialError('FT_LAKE_UNSUPPORTED', `no store for the lake '${root}'`, {
      fix: 'set FEEDTRIAL_LAKE to a folder or to s3://bucket/prefix',
      exitCode: EXIT.usage,
    }),
  pathEscapes: (path: string) =>
    new FeedtrialError('FT_LAKE_PATH', `'${path}' is not a path inside the lake`, {
      fix: 'use a relative path with forward slashes and no ".."',
    }),
  s3Url: (url: string) =>
    new FeedtrialError('FT_LAKE_S3_URL', `'${url}' names no place in S3`, {
      fix: 'write s3://bucket/prefix: a bucket of 3 to 63 lower case letters, digits, dots and hyphens, and folders without ".."',
      exitCode: EXIT.usage,
    }),
  s3Bucket: (what: string, cause: unknown) =>
    new FeedtrialError('FT_LAKE_S3_BUCKET', `there is no such bucket: ${what}`, {
      fix: 'make the bucket, or correct FEEDTRIAL_LAKE, FEEDTRIAL_PRIVATE_LAKE or FEEDTRIAL_S3_ENDPOINT',
      exitCode: EXIT.usage,
      cause,
    }),
  s3Credentials: (what: string, cause: unknown) =>
    new FeedtrialError('FT_LAKE_S3_CREDENTIALS', `no AWS credentials were found for ${what}`, {
      fix: "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role gives them; 'aws sts get-caller-identity' tries them",
      exitCode: EXIT.usage,
      cause,
    }),
  s3Access: (what: string, detail: string, cause: unknown) =>
    new FeedtrialError('FT_LAKE_S3_ACCESS', `S3 refused ${what}: ${detail}`, {
      fix: "let these credentials do what docs/object-storage.md lists for the bucket, and check the machine's clock",
      cause,
    }),
  s3Unreachable: (what: string, detail: string, cause: unknown) =>
    new FeedtrialError('FT_LAKE_S3_UNREACHABLE', `S3 did not answer for ${what}: ${detail}`, {
      fix: 'check FEEDTRIAL_S3_ENDPOINT, AWS_REGION and the network; then run the command again: nothing is half written',
      cause,
    }),
  s3Failed: (what: string, detail: string, cause: unknown) =>
    new FeedtrialError('FT_LAKE_S3_FAILED', `S3 could not do it for ${what}: ${detail}`, {
      fix: 'run the command again: nothing is half written',
      cause,
    }),
  extension: (name: string, looked: readonly string[]) =>
    new FeedtrialError('FT_LAKE_EXTENSION', `DuckDB's extension '${name}' is not installed`, {
      fix: `run 'npm run setup'; it was looked for in ${looked.join(', ')}`,
      exitCode: EXIT.usage,
    }),
  raced: (path: string) =>
    new FeedtrialError('FT_LAKE_POINTER_RACED', `'${path}' was moved by another publisher meanwhile`, {
      fix: 'look at what was published, then run the command again if it is still wanted',
    }),
};
