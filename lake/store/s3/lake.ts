import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { S3 } from '@aws-sdk/client-s3';
import { lakeErrors } from '../../errors.ts';
import type { Lake, StoredFile } from '../store.ts';
import { parseS3Url, s3Connection, type S3Connection } from './connection.ts';
import { downloadFile, withBody } from './download.ts';
import { explain, isAbsent, isConditionFailed, isConflict } from './failure.ts';
import { uploadFile } from './upload.ts';

const dayMs = 86_400_000;
const partBytes = 16 * 1024 * 1024;
const parallel = 4;

/** Says which attempt wrote an object, so that a writer whose answer was lost finds its own work. */
const writeIdKey = 'feedtrial-write';

/** A condition on what is there before a write. */
type Condition = { IfNoneMatch: '*' } | { IfMatch: string };

// of an empty text the SDK doesn't know the length
const bytesOf = (content: Uint8Array | string): Uint8Array =>
  typeof content === 'string' ? Buffer.from(content) : content;

const clients = new Map<string, Promise<S3>>();

/** One client, and so one pool of sockets, for all lakes of a process at the same place. Local lakes never load the SDK. */
function clientFor(connection: S3Connection): Promise<S3> {
  const key = JSON.stringify(connection);
  const found = clients.get(key);
  if (found) return found;
  const { endpoint, region, pathStyle } = connection;
  const made = import('@aws-sdk/client-s3').then(
    ({ S3 }) =>
      new S3({
        ...(endpoint === undefined ? {} : { endpoint }),
        ...(region === undefined ? {} : { region }),
        forcePathStyle: pathStyle,
        ...(process.env.AWS_MAX_ATTEMPTS === undefined ? { maxAttempts: 5 } : {}),
        requestHandler: { connectionTimeout: 10_000, requestTimeout: 120_000, throwOnRequestTimeout: true },
      }),
  );
  clients.set(key, made);
  return made;
}

/**
 * A lake in a bucket. An object is there whole or not at all, so a write needs no temporary name; what moves (`create`, `swap`) is
 * decided by S3 itself, by conditional writes, for publishers on any number of machines.
 */
export class S3Lake implements Lake {
  readonly root: string;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #connection: S3Connection;

  /** @throws FeedtrialError FT_LAKE_S3_URL */
  constructor(root: string, connection: S3Connection = s3Connection()) {
    const { bucket, prefix } = parseS3Url(root);
    this.#bucket = bucket;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
    this.root = prefix === '' ? `s3://${bucket}` : `s3://${bucket}/${prefix}`;
    this.#connection = connection;
  }

  uri(relative: string): string {
    const clean = this.#checked(relative);
    return clean === '' ? this.root : `${this.root}/${clean}`;
  }

  async list(folder: string): Promise<StoredFile[]> {
    const clean = this.#checked(folder).replace(/\/+$/, '');
    const found: StoredFile[] = [];
    await this.#explained(folder, async (s3) => {
      let ContinuationToken: string | undefined;
      do {
        const page = await s3.listObjectsV2({
          Bucket: this.#bucket,
          Prefix: this.#key(clean === '' ? '' : `${clean}/`),
          ...(ContinuationToken === undefined ? {} : { ContinuationToken }),
        });
        for (const { Key = '', Size = 0, LastModified } of page.Contents ?? [])
          if (!Key.endsWith('/'))
            found.push({
              path: Key.slice(this.#prefix.length),
              bytes: Size,
              modifiedMs: LastModified?.getTime() ?? 0,
            });
        ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
      } while (ContinuationToken !== undefined);
    });
    return found.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  async read(relative: string): Promise<Uint8Array | null> {
    return (await this.#get(relative))?.content ?? null;
  }

  async exists(relative: string): Promise<boolean> {
    return this.#explained(relative, async (s3) => {
      try {
        await s3.headObject(this.#object(relative));
        return true;
      } catch (error) {
        if (isAbsent(error)) return false;
        throw error;
      }
    });
  }

  async write(relative: string, content: Uint8Array | string): Promise<void> {
    await this.#explained(relative, (s3) =>
      s3.putObject({ ...this.#object(relative), Body: bytesOf(content) }),
    );
  }

  async create(relative: string, content: Uint8Array | string): Promise<boolean> {
    return this.#putIf(relative, content, { IfNoneMatch: '*' });
  }

  async adopt(localFile: string, relative: string): Promise<void> {
    await this.upload(localFile, relative);
    await rm(localFile, { force: true });
  }

  async upload(localFile: string, relative: string): Promise<void> {
    const { Bucket: bucket, Key: key } = this.#object(relative);
    await this.#explained(relative, (s3) => uploadFile(localFile, { s3, bucket, key, partBytes, parallel }));
  }

  async download(relative: string, localFile: string): Promise<boolean> {
    const { Bucket: bucket, Key: key } = this.#object(relative);
    return this.#explained(relative, async (s3) => {
      try {
        await downloadFile(localFile, { s3, bucket, key, partBytes, parallel });
        return true;
      } catch (error) {
        if (!isAbsent(error)) throw error;
        await rm(localFile, { force: true });
        return false;
      }
    });
  }

  async remove(relative: string): Promise<void> {
    await this.#explained(relative, (s3) => s3.deleteObject(this.#object(relative)));
  }

  async purge(relative: string): Promise<void> {
    const { Bucket, Key } = this.#object(relative);
    await this.#explained(relative, async (s3) => {
      await s3.deleteObject({ Bucket, Key });
      let marker: { KeyMarker: string; VersionIdMarker?: string } | undefined;
      do {
        const page = await s3.listObjectVersions({ Bucket, Prefix: Key, ...(marker ?? {}) });
        const here = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].filter(
          (one) => one.Key === Key,
        );
        for (const { VersionId } of here)
          if (VersionId !== undefined) await s3.deleteObject({ Bucket, Key, VersionId });
        // keys come in their order: once one is past ours, no version of ours is left
        const past = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].some(
          (one) => (one.Key ?? '') > Key,
        );
        marker =
          page.IsTruncated && !past && page.NextKeyMarker !== undefined
            ? {
                KeyMarker: page.NextKeyMarker,
                ...(page.NextVersionIdMarker === undefined
                  ? {}
                  : { VersionIdMarker: page.NextVersionIdMarker }),
              }
            : undefined;
      } while (marker !== undefined);
    });
  }

  async purgeHistory(): Promise<void> {
    await this.#explained('', async (s3) => {
      const Bucket = this.#bucket;
      let marker: { KeyMarker: string; VersionIdMarker?: string } | undefined;
      do {
        const page = await s3.listObjectVersions({
          Bucket,
          ...(this.#prefix === '' ? {} : { Prefix: this.#prefix }),
          ...(marker ?? {}),
        });
        const old = (page.Versions ?? []).filter(({ IsLatest }) => IsLatest !== true);
        for (const { Key, VersionId } of [...old, ...(page.DeleteMarkers ?? [])])
          if (Key !== undefined && VersionId !== undefined) await s3.deleteObject({ Bucket, Key, VersionId });
        marker =
          page.IsTruncated && page.NextKeyMarker !== undefined
            ? {
                KeyMarker: page.NextKeyMarker,
                ...(page.NextVersionIdMarker === undefined
                  ? {}
                  : { VersionIdMarker: page.NextVersionIdMarker }),
              }
            : undefined;
      } while (marker !== undefined);
    });
  }

  async sweep(nowMs: number): Promise<number> {
    return this.#explained('', async (s3) => {
      let removed = 0;
      let marker: { KeyMarker: string; UploadIdMarker?: string } | undefined;
      do {
        const page = await s3.listMultipartUploads({
          Bucket: this.#bucket,
          ...(this.#prefix === '' ? {} : { Prefix: this.#prefix }),
          ...(marker ?? {}),
        });
        for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
          if (Initiated !== undefined && nowMs - Initiated.getTime() < dayMs) continue;
          await s3.abortMultipartUpload({ Bucket: this.#bucket, Key, UploadId }).catch((error: unknown) => {
            if (!isAbsent(error)) throw error; // ended by itself meanwhile
          });
          removed++;
        }
        marker =
          page.IsTruncated && page.NextKeyMarker !== undefined
            ? {
                KeyMarker: page.NextKeyMarker,
                ...(page.NextUploadIdMarker === undefined ? {} : { UploadIdMarker: page.NextUploadIdMarker }),
              }
            : undefined;
      } while (marker !== undefined);
      return removed;
    });
  }

  async swap(relative: string, expected: Uint8Array | null, next: string): Promise<void> {
    let condition: Condition = { IfNoneMatch: '*' };
    if (expected !== null) {
      const current = await this.#get(relative);
      if (current === null || Buffer.compare(current.content, expected) !== 0)
        throw lakeErrors.raced(relative);
      condition = { IfMatch: current.etag };
    }
    if (!(await this.#putIf(relative, next, condition))) throw lakeErrors.raced(relative);
  }

  /** Content and ETag of one version of an object. */
  async #get(relative: string): Promise<{ content: Uint8Array; etag: string } | null> {
    return this.#explained(relative, async (s3) => {
      try {
        return await withBody(async () => {
          const { Body, ETag = '' } = await s3.getObject(this.#object(relative));
          return { content: (await Body?.transformToByteArray()) ?? new Uint8Array(), etag: ETag };
        });
      } catch (error) {
        if (isAbsent(error)) return null;
        throw error;
      }
    });
  }

  /**
   * Writes under a condition; false where it doesn't hold. A repeated request whose first answer was lost meets its own
   * object and is refused by it: the id in its metadata tells that apart from somebody else's.
   */
  async #putIf(relative: string, content: Uint8Array | string, condition: Condition): Promise<boolean> {
    const id = randomUUID();
    return this.#explained(relative, async (s3) => {
      for (let attempt = 0; ; attempt++)
        try {
          await s3.putObject({
            ...this.#object(relative),
            Body: bytesOf(content),
            Metadata: { [writeIdKey]: id },
            ...condition,
          });
          return true;
        } catch (error) {
          if (isConflict(error) && attempt < 5) {
            await new Promise((resolve) => setTimeout(resolve, 20 * 2 ** attempt));
            continue;
          }
          if (isConditionFailed(error) || isConflict(error) || isAbsent(error))
            return (await this.#writeId(s3, relative)) === id;
          throw error;
        }
    });
  }

  async #writeId(s3: S3, relative: string): Promise<string | null> {
    try {
      const { Metadata } = await s3.headObject(this.#object(relative));
      return Metadata?.[writeIdKey] ?? null;
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  #checked(relative: string): string {
    if (path.posix.isAbsolute(relative) || relative.split('/').includes('..'))
      throw lakeErrors.pathEscapes(relative);
    return relative;
  }

  #key(relative: string): string {
    return `${this.#prefix}${relative}`;
  }

  #object(relative: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: this.#key(this.#checked(relative)) };
  }

  async #explained<T>(relative: string, work: (s3: S3) => Promise<T>): Promise<T> {
    try {
      return await work(await clientFor(this.#connection));
    } catch (error) {
      throw explain(error, `${this.root}/${relative}`);
    }
  }
}
