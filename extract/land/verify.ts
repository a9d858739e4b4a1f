import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { SealedSegment } from '../../lake/index.ts';

export interface VerifiedSegment {
  /** In words, what differs from the seal; null where nothing does. */
  problem: string | null;
  lines: number;
  /** Bytes of the longest line: DuckDB must be told if it is longer than usual. */
  longestLine: number;
}

/** Reads a sealed segment through and compares it with its seal: size and SHA-256. */
export async function verifySegment(segment: SealedSegment): Promise<VerifiedSegment> {
  const hash = createHash('sha256');
  let bytes = 0;
  let lines = 0;
  let lineStart = 0;
  let longestLine = 0;
  for await (const chunk of fs.createReadStream(segment.file, {
    highWaterMark: 1 << 20,
  }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, at + 1)) {
      lines++;
      longestLine = Math.max(longestLine, bytes + at - lineStart);
      lineStart = bytes + at + 1;
    }
    bytes += chunk.length;
  }
  const sha256 = hash.digest('hex');
  let problem: string | null = null;
  if (bytes !== segment.bytes) problem = `${segment.file}: ${bytes} bytes where ${segment.bytes} were sealed`;
  else if (sha256 !== segment.sha256)
    problem = `${segment.file}: SHA-256 ${sha256} where ${segment.sha256} was sealed`;
  return { problem, lines, longestLine };
}
