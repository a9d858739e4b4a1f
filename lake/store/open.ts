import { lakeErrors } from '../errors.ts';
import { LocalLake } from './local.ts';
import { S3Lake } from './s3/lake.ts';
import { isS3 } from './s3/connection.ts';
import type { Lake } from './store.ts';

/**
 * Opens the lake at a root as configured: a folder, or `s3://bucket/prefix` at the place that the environment names.
 * @throws FeedtrialError FT_LAKE_UNSUPPORTED for a URL scheme that has no store, FT_LAKE_S3_URL
 */
export function openLake(root: string): Lake {
  if (isS3(root)) return new S3Lake(root);
  if (/^[a-z0-9+]+:\/\//i.test(root)) throw lakeErrors.unsupported(root);
  return new LocalLake(root);
}
