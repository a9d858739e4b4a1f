import { FeedtrialError } from '../../../ops/errors/index.ts';
import { lakeErrors } from '../../errors.ts';

interface ServiceError extends Error {
  $metadata?: { httpStatusCode?: number };
  $response?: unknown;
  code?: string;
}

const status = (error: unknown): number | undefined => (error as ServiceError).$metadata?.httpStatusCode;
const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');

/** There is no such object (or no such bucket, which `explain` tells apart). */
export const isAbsent = (error: unknown): boolean =>
  nameOf(error) !== 'NoSuchBucket' &&
  (['NoSuchKey', 'NotFound'].includes(nameOf(error)) || status(error) === 404);

/** Another writer was there before: the object isn't, or isn't any more, what the condition says. */
export const isConditionFailed = (error: unknown): boolean => status(error) === 412;

/** Another conditional write on the same object is under way: S3 asks to try again. */
export const isConflict = (error: unknown): boolean => status(error) === 409;

/** What S3 refused, as an error that says what to do. Errors of ours pass through. */
export function explain(error: unknown, what: string): FeedtrialError {
  if (error instanceof FeedtrialError) return error;
  const name = nameOf(error);
  const detail = error instanceof Error ? error.message : String(error);
  if (name === 'NoSuchBucket') return lakeErrors.s3Bucket(what, error);
  if (name === 'CredentialsProviderError' || /could not load credentials/i.test(detail))
    return lakeErrors.s3Credentials(what, error);
  if ([401, 403].includes(status(error) ?? 0)) return lakeErrors.s3Access(what, `${name}: ${detail}`, error);
  if (status(error) === undefined) return lakeErrors.s3Unreachable(what, detail, error);
  return lakeErrors.s3Failed(what, `${name}: ${detail} (HTTP ${status(error)})`, error);
}
