import { open, type FileHandle } from 'node:fs/promises';
import type { CompletedPart, S3 } from '@aws-sdk/client-s3';

export interface UploadOptions {
  s3: S3;
  bucket: string;
  key: string;
  /** Bytes of a part; S3 takes parts of at least 5 MiB. */
  partBytes: number;
  /** Parts on their way at once: memory is this many times `partBytes`. */
  parallel: number;
}

/** S3 takes no more parts than this in one upload. */
const maxParts = 10_000;

async function slice(file: FileHandle, from: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes);
  for (let at = 0; at < bytes;) {
    const { bytesRead } = await file.read(buffer, at, bytes - at, from + at);
    if (bytesRead === 0) throw new Error(`the file ended ${bytes - at} bytes before its size said`);
    at += bytesRead;
  }
  return buffer;
}

/**
 * Puts a local file into a bucket: in one request where it fits into a part, otherwise in parts. Either way nobody sees
 * anything of it before it is whole, and S3 checks the checksum of every request. Parts are buffers, so that a request that
 * failed can be sent again. A process that dies in between leaves an upload that `sweep` aborts.
 */
export async function uploadFile(localFile: string, options: UploadOptions): Promise<void> {
  const { s3, bucket: Bucket, key: Key, parallel } = options;
  const file = await open(localFile, 'r');
  try {
    const { size } = await file.stat();
    if (size <= options.partBytes) {
      await s3.putObject({ Bucket, Key, Body: await slice(file, 0, size) });
      return;
    }
    const partBytes = Math.max(options.partBytes, Math.ceil(size / maxParts));
    const count = Math.ceil(size / partBytes);
    const { UploadId } = await s3.createMultipartUpload({ Bucket, Key, ChecksumAlgorithm: 'CRC32' });
    try {
      const parts: CompletedPart[] = [];
      let next = 0;
      const work = async (): Promise<void> => {
        while (next < count) {
          const index = next++;
          const from = index * partBytes;
          const Body = await slice(file, from, Math.min(partBytes, size - from));
          const { ETag, ChecksumCRC32 } = await s3.uploadPart({
            Bucket,
            Key,
            UploadId,
            PartNumber: index + 1,
            Body,
            ChecksumAlgorithm: 'CRC32',
          });
          parts[index] = { ETag, ChecksumCRC32, PartNumber: index + 1 };
        }
      };
      await Promise.all(Array.from({ length: Math.min(parallel, count) }, work));
      await s3.completeMultipartUpload({ Bucket, Key, UploadId, MultipartUpload: { Parts: parts } });
    } catch (error) {
      await s3.abortMultipartUpload({ Bucket, Key, UploadId }).catch(() => undefined); // the sweep tries again; the first error is what counts
      throw error;
    }
  } finally {
    await file.close();
  }
}
