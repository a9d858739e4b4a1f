import { lakeErrors } from '../../errors.ts';

/** Where objects are. Credentials are not in it: each client takes them from AWS's own chain when it asks. */
export interface S3Connection {
  /** Of a server that speaks S3 and isn't AWS, such as 'http://127.0.0.1:7070'; undefined for AWS itself. */
  endpoint: string | undefined;
  /** Undefined leaves it to the AWS configuration files. */
  region: string | undefined;
  /** Buckets in the path rather than in the host's name, as servers other than AWS want it. */
  pathStyle: boolean;
}

/**
 * Reads FEEDTRIAL_S3_ENDPOINT and AWS's own variables. It is the environment that counts, as it is for credentials: dbt and
 * DuckDB read the same, and so does every process that one of ours starts.
 */
export function s3Connection(env: NodeJS.ProcessEnv = process.env): S3Connection {
  const endpoint =
    [env.FEEDTRIAL_S3_ENDPOINT, env.AWS_ENDPOINT_URL_S3].find(Boolean)?.replace(/\/+$/, '') ?? undefined;
  const region = [env.AWS_REGION, env.AWS_DEFAULT_REGION].find(Boolean);
  // a server that isn't AWS has regions in name alone, and signatures need one
  return {
    endpoint,
    region: region ?? (endpoint === undefined ? undefined : 'us-east-1'),
    pathStyle: endpoint !== undefined,
  };
}

export interface S3Place {
  bucket: string;
  /** Without slashes at either end; empty for the whole bucket. */
  prefix: string;
}

/**
 * Takes `s3://bucket/prefix` apart.
 * @throws FeedtrialError FT_LAKE_S3_URL
 */
export function parseS3Url(url: string): S3Place {
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(url) ?? [];
  const clean = prefix.replace(/\/+$/, '');
  if (bucket === undefined || clean.split('/').some((part, i) => part === '..' || (part === '' && i > 0)))
    throw lakeErrors.s3Url(url);
  return { bucket, prefix: clean };
}

/** Whether a lake's root is in object storage. */
export const isS3 = (root: string): boolean => root.startsWith('s3://');
