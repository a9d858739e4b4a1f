import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { projectRoot } from '../ops/config/config.ts';

/** Folder of real data that is not part of the project: FEEDTRIAL_DATA, or ../shared/data beside the checkout. */
export const dataFolder = process.env.FEEDTRIAL_DATA ?? path.join(projectRoot, '../shared/data');

/** For `describe.skipIf(!hasData)`: tests on real data say that they were skipped where it is absent. */
export const hasData = existsSync(path.join(dataFolder, 'README.md'));

if (!hasData)
  console.warn(
    `SKIPPED: tests on real data, because ${dataFolder} is absent; set FEEDTRIAL_DATA to where it is`,
  );

export const dataFile = (name: string): string => path.join(dataFolder, name);

/** The 150 relay frames, byte for byte, in order. */
export function realFrames(): Buffer[] {
  const all = zstdDecompressSync(readFileSync(dataFile('firehose/frames.bin.zst')));
  const frames: Buffer[] = [];
  for (let at = 0; at < all.length;) {
    const length = all.readUInt32LE(at);
    frames.push(all.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return frames;
}

/** DID -> DID document of every account that committed in the frames. */
export function realDidDocuments(): Record<string, Record<string, unknown>> {
  const text = zstdDecompressSync(readFileSync(dataFile('firehose/did_docs.json.zst'))).toString('utf8');
  return JSON.parse(text) as Record<string, Record<string, unknown>>;
}

/** The events that production Jetstream made of the frames, in frame and op order. */
export function expectedEvents(): Record<string, unknown>[] {
  return readFileSync(dataFile('firehose/expected_v1.jsonl'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
