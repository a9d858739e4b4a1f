import type { StreamedAnswer } from '../../../ops/fetch/index.ts';
import { Failure } from '../failure.ts';
import { ask, methodUrl, tryAgain, type Asking, type Patience } from '../network/ask.ts';
import { decodeBlock, type ArchivedEvent } from './block.ts';

/** A sealed file of the archive, as `listSegments` names it. */
interface Segment {
  name: string;
  minUs: number;
  maxUs: number;
}

interface BlockPlace {
  index: number;
  minUs: number;
  maxUs: number;
}

export interface Archive {
  /** First and last moment that the archive has, microseconds UTC. */
  fromUs: number;
  toUs: number;
  /** Events of a stretch, in the order in which the server saw them, a block at a time. */
  events(fromUs: number, toUs: number): AsyncGenerator<ArchivedEvent[]>;
}

const headerBytes = 256;
const indexEntryBytes = 52;
const maxBlocks = 1_000_000;
const maxFrameBytes = 256 << 20;

async function bytesOf(answer: StreamedAnswer, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer.body()) {
    bytes += chunk.length;
    if (bytes > limit)
      throw new Failure('too_big', `${answer.url.host} sends over ${limit} bytes`, { transient: false });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const malformed = (what: string): Failure =>
  new Failure('malformed_answer', `the archive's ${what}`, { transient: true });

/**
 * Opens the archive that a Jetstream server of version 2 offers beside its stream.
 * @returns null where it offers none
 * @throws Failure where it does and can't be read
 */
export async function openArchive(server: URL, asking: Asking, patience: Patience): Promise<Archive | null> {
  const patiently = async <T>(question: () => Promise<T>): Promise<T> => {
    const tried = await tryAgain(asking, patience, question);
    if ('failure' in tried) throw tried.failure;
    return tried.value;
  };
  const method = (name: string) => `network.bsky.jetstream.${name}`;

  const list = async (cursor: string | null) =>
    ask(
      asking,
      methodUrl(server, method('listSegments'), { limit: '1000', ...(cursor === null ? {} : { cursor }) }),
      'application/json',
      async (answer) => {
        let page: { cursor?: unknown; segments?: unknown };
        try {
          page = JSON.parse(await answer.text(16 << 20)) as typeof page;
        } catch {
          throw malformed('list is no JSON');
        }
        if (!Array.isArray(page.segments)) throw malformed('list has no segments');
        const segments = (page.segments as Record<string, unknown>[]).map(
          ({ name, minIndexedAt, maxIndexedAt }): Segment => {
            if (
              typeof name !== 'string' ||
              !Number.isSafeInteger(minIndexedAt) ||
              !Number.isSafeInteger(maxIndexedAt)
            )
              throw malformed('list has a segment without name or times');
            return { name, minUs: minIndexedAt as number, maxUs: maxIndexedAt as number };
          },
        );
        return {
          segments,
          cursor: typeof page.cursor === 'string' && page.cursor !== '' ? page.cursor : null,
        };
      },
    );

  const segments: Segment[] = [];
  try {
    for (let cursor: string | null = null; ;) {
      const page: Awaited<ReturnType<typeof list>> = await patiently(() => list(cursor));
      segments.push(...page.segments);
      if (page.cursor === null || page.segments.length === 0) break;
      cursor = page.cursor;
    }
  } catch (error) {
    // a server of version 1 knows no such method
    if (error instanceof Failure && segments.length === 0 && !error.transient) return null;
    throw error;
  }
  if (segments.length === 0) return null;

  const range = (name: string, from: number, to: number): Promise<Buffer> =>
    patiently(() =>
      ask(
        { ...asking, headers: { range: `bytes=${from}-${to - 1}` } },
        methodUrl(server, method('getSegment'), { name }),
        'application/octet-stream',
        async (answer) => {
          if (answer.status !== 206) throw malformed('segments are given whole only');
          const bytes = await bytesOf(answer, to - from);
          if (bytes.length !== to - from) throw malformed('segment is shorter than it says');
          return bytes;
        },
      ),
    );

  /** Where a segment's blocks are in time, from its header and the index at its end. */
  const blocksOf = async ({ name }: Segment): Promise<BlockPlace[]> => {
    const header = await range(name, 0, headerBytes);
    if (header.toString('latin1', 0, 4) !== 'jss0') throw malformed(`${name} is no segment`);
    const count = header.readUInt32LE(14);
    const start = Number(header.readBigUInt64LE(90));
    if (count > maxBlocks || !Number.isSafeInteger(start))
      throw malformed(`${name} has an impossible header`);
    if (count === 0) return [];
    const index = await range(name, start, start + count * indexEntryBytes);
    return Array.from({ length: count }, (_, i) => ({
      index: i,
      minUs: Number(index.readBigInt64LE(i * indexEntryBytes + 36)),
      maxUs: Number(index.readBigInt64LE(i * indexEntryBytes + 44)),
    }));
  };

  const block = (name: string, index: number): Promise<ArchivedEvent[]> =>
    patiently(() =>
      ask(
        asking,
        methodUrl(server, method('getBlock'), { segment: name, blockIndex: String(index) }),
        'application/octet-stream',
        async (answer) => decodeBlock(await bytesOf(answer, maxFrameBytes)),
      ),
    );

  return {
    fromUs: Math.min(...segments.map(({ minUs }) => minUs)),
    toUs: Math.max(...segments.map(({ maxUs }) => maxUs)),
    async *events(fromUs, toUs) {
      for (const segment of segments) {
        if (segment.maxUs < fromUs || segment.minUs > toUs) continue;
        for (const place of await blocksOf(segment)) {
          if (place.maxUs < fromUs || place.minUs > toUs) continue;
          const events = await block(segment.name, place.index);
          yield events.filter(({ witnessedUs }) => witnessedUs >= fromUs && witnessedUs <= toUs);
        }
      }
    },
  };
}
