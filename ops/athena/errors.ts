import { EXIT, FeedtrialError } from '../errors/index.ts';

export const athenaErrors = {
  notInS3: (root: string) =>
    new FeedtrialError('FT_ATHENA_LOCAL', `Athena reads S3, and the lake is in '${root}'`, {
      fix: "set FEEDTRIAL_LAKE to s3://bucket/prefix; 'feedtrial lake copy' brings a lake there",
      exitCode: EXIT.usage,
    }),
  noOutput: () =>
    new FeedtrialError('FT_ATHENA_OUTPUT', 'Athena has no place for the results of queries', {
      fix: 'set FEEDTRIAL_ATHENA_OUTPUT to s3://bucket/prefix, or give --output-location or a workgroup that has one',
      exitCode: EXIT.usage,
    }),
  query: (file: string, detail: string) =>
    new FeedtrialError('FT_ATHENA_QUERY_FILE', `'${file}' is no query: ${detail}`, {
      fix: 'give a file with one SQL statement',
      exitCode: EXIT.usage,
    }),
  failed: (id: string, state: string, reason: string) =>
    new FeedtrialError('FT_ATHENA_QUERY_FAILED', `query ${id} ended as ${state}: ${reason}`, {
      fix: "correct the statement; 'feedtrial athena ddl' shows the tables and their columns",
    }),
  tooMuch: (id: string, bytes: number, limit: number) =>
    new FeedtrialError(
      'FT_ATHENA_LIMIT',
      `query ${id} was stopped: it had scanned ${bytes} bytes, and ${limit} were allowed`,
      {
        fix: 'narrow it by dt and collection_group, which decide what is read, or raise --max-gigabytes',
        exitCode: EXIT.refused,
      },
    ),
  refused: (what: string, detail: string, cause: unknown) =>
    new FeedtrialError('FT_ATHENA_AWS', `AWS refused ${what}: ${detail}`, {
      fix: 'check AWS_PROFILE and AWS_REGION, and that these credentials may use Athena and Glue; docs/object-storage.md lists what for',
      cause,
    }),
};

/** What AWS refused, as an error that says what to do; errors of ours pass through. */
export async function explained<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FeedtrialError) throw error;
    const { name, message } = error instanceof Error ? error : { name: 'unknown', message: String(error) };
    throw athenaErrors.refused(what, `${name}: ${message}`, error);
  }
}
