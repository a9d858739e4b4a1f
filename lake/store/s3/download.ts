import { open } from 'node:fs/promises';
import type { S3 } from '@aws-sdk/client-s3';

export interface DownloadOptions {
  s3: S3;
  bucket: string;
  key: string;
  partBytes: number;
  parallel: number;
}

/** A body that broke off is asked for again: the SDK repeats requests, not the reading of their answers. */
export async function withBody<T>(ask: () => Promise<T>, tries = 3): Promise<T> {
  for (let attempt = 1; ; attempt++)
    try {
      return await ask();
    } catch (error) {
      const answered = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
      if (attempt >= tries || (answered !== undefined && answered >= 300)) throw error;
    }
}

/**
 * Copies an object to a local file, in ranges of one and the same version of it, and syncs the file.
 * @returns bytes written
 */
export async function downloadFile(localFile: string, options: DownloadOptions): Promise<number> {
  const { s3, bucket: Bucket, key: Key, partBytes, parallel } = options;
  const { ContentLength: size = 0, ETag } = await s3.headObject({ Bucket, Key });
  const file = await open(localFile, 'w');
  try {
    const count = Math.ceil(size / partBytes);
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < count) {
        const from = next++ * partBytes;
        const to = Math.min(from + partBytes, size) - 1;
        const part = await withBody(async () => {
          const { Body } = await s3.getObject({ Bucket, Key, IfMatch: ETag, Range: `bytes=${from}-${to}` });
          const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
          if (bytes.length !== to - from + 1)
            throw new Error(`${to - from + 1} bytes were expected, ${bytes.length} came`);
          return bytes;
        });
        await file.write(part, 0, part.length, from);
      }
    };
    await Promise.all(Array.from({ length: Math.min(parallel, count) }, work));
    await file.sync();
    return size;
  } finally {
    await file.close();
  }
}
