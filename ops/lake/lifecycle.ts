import { parseS3Url } from '../../lake/index.ts';

export interface LifecycleDays {
  /** Until landed Parquet and feeds go to Standard-IA, which S3 asks at least 30 days for. */
  infrequent: number;
  /** Until versions that were overwritten or deleted go for good: also how long an erased person's data may be got back. */
  noncurrent: number;
  /** Until backups go. */
  backups: number;
}

type Rule = Record<string, unknown> & { ID: string };

/**
 * The lifecycle of a lake's bucket, as `aws s3api put-bucket-lifecycle-configuration --lifecycle-configuration` takes it. Nothing that
 * the pipeline still reads ever expires: what is old moves to a cheaper class with the same latency.
 */
export function lifecycleOf(root: string, days: LifecycleDays): { Rules: Rule[] } {
  const { prefix } = parseS3Url(root);
  const under = (folder: string): string => (prefix === '' ? folder : `${prefix}/${folder}`);
  const rule = (ID: string, folder: string, rest: Record<string, unknown>): Rule => ({
    ID,
    Status: 'Enabled',
    Filter: { Prefix: under(folder) },
    ...rest,
  });
  const toInfrequent = { Transitions: [{ Days: days.infrequent, StorageClass: 'STANDARD_IA' }] };
  return {
    Rules: [
      rule('feedtrial-half-uploads', '', { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } }),
      rule('feedtrial-old-versions', '', {
        NoncurrentVersionExpiration: { NoncurrentDays: days.noncurrent },
        Expiration: { ExpiredObjectDeleteMarker: true },
      }),
      rule('feedtrial-records', 'raw/records/', toInfrequent),
      rule('feedtrial-feeds', 'feeds/', toInfrequent),
      rule('feedtrial-archive', 'archive/', { Transitions: [{ Days: 0, StorageClass: 'GLACIER_IR' }] }),
      rule('feedtrial-backups', 'backups/', { Expiration: { Days: days.backups } }),
      rule('feedtrial-refused', 'refused/', { Expiration: { Days: 365 } }),
    ],
  };
}
