import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { zstdCompressSync, constants } from 'node:zlib';
import { encode } from '@atcute/cbor';
import { onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';

/** An event as a test states it. */
export interface FakeEvent {
  us: number;
  did: string;
  kind: 'create' | 'delete' | 'account';
  collection?: string;
  rkey?: string;
  rev?: string;
  value?: unknown;
}

const kinds = { create: 1, delete: 3, account: 5 };

/** A block as the archive's documentation describes it, written without a look at the code that reads it. */
export function encodeBlock(events: FakeEvent[], firstSeq: number): Buffer {
  const number = (width: 1 | 2 | 4 | 8, values: number[]): Buffer => {
    const bytes = Buffer.alloc(values.length * width);
    for (const [i, value] of values.entries())
      if (width === 8) bytes.writeBigInt64LE(BigInt(value), i * 8);
      else bytes.writeUIntLE(value, i * width, width);
    return bytes;
  };
  const texts = (of: (event: FakeEvent) => string) => events.map((event) => Buffer.from(of(event)));
  const collections = texts(({ collection = '' }) => collection);
  const dids = texts(({ did }) => did);
  const rkeys = texts(({ rkey = '' }) => rkey);
  const revs = texts(({ rev = '' }) => rev);
  const payloads = events.map(({ value }) =>
    value === undefined ? Buffer.alloc(0) : Buffer.from(encode(value)),
  );
  const lengths = (values: Buffer[]): number[] => values.map((value) => value.length);
  const plain = Buffer.concat([
    number(4, [events.length]),
    number(
      8,
      events.map((_, i) => firstSeq + i),
    ),
    number(
      8,
      events.map(({ us }) => us),
    ),
    number(
      8,
      events.map(() => 0),
    ),
    number(
      1,
      events.map(({ kind }) => kinds[kind]),
    ),
    number(1, lengths(collections)),
    number(2, lengths(dids)),
    number(1, lengths(rkeys)),
    number(1, lengths(revs)),
    number(4, lengths(payloads)),
    ...collections,
    ...dids,
    ...rkeys,
    ...revs,
    ...payloads,
  ]);
  return zstdCompressSync(plain, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
}

interface Segment {
  name: string;
  file: Buffer;
  blocks: Buffer[];
  events: FakeEvent[];
}

function makeSegment(name: string, events: FakeEvent[], perBlock: number): Segment {
  const blocks: Buffer[] = [];
  const index: Buffer[] = [];
  const body: Buffer[] = [];
  let offset = 256;
  for (let i = 0; i < events.length; i += perBlock) {
    const part = events.slice(i, i + perBlock);
    const block = encodeBlock(part, i + 1);
    blocks.push(block);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(block.length));
    body.push(length, block);
    const entry = Buffer.alloc(52);
    entry.writeBigUInt64LE(BigInt(offset), 0);
    entry.writeUInt32LE(block.length, 8);
    entry.writeUInt32LE(part.length, 16);
    entry.writeBigInt64LE(BigInt(part[0]?.us ?? 0), 36);
    entry.writeBigInt64LE(BigInt(part.at(-1)?.us ?? 0), 44);
    index.push(entry);
    offset += 8 + block.length;
  }
  const header = Buffer.alloc(256);
  header.write('jss0', 'latin1');
  header.writeUInt32LE(blocks.length, 14);
  header.writeUInt32LE(events.length, 18);
  header.writeBigUInt64LE(BigInt(offset), 58);
  header.writeBigUInt64LE(BigInt(offset), 90);
  return { name, file: Buffer.concat([header, ...body, ...index]), blocks, events };
}

export interface FakeJetstream {
  url: string;
  asked: string[];
  /** Changes a block on its way. */
  spoil: (block: Buffer) => Buffer;
}

/**
 * A fake Jetstream server of version 2: its stream of version 1, which begins at `floorUs` whatever is asked for, or refuses
 * an older cursor; and its archive of sealed segments.
 */
export async function startFakeJetstream(
  streamed: string[],
  {
    archived,
    perBlock,
    perSegment,
    refuseBelowUs,
  }: { archived: FakeEvent[]; perBlock: number; perSegment: number; refuseBelowUs?: number },
): Promise<FakeJetstream> {
  const segments: Segment[] = [];
  for (let i = 0; i < archived.length; i += perSegment)
    segments.push(makeSegment(`seg_${i}.jss`, archived.slice(i, i + perSegment), perBlock));
  const fake: FakeJetstream = { url: '', asked: [], spoil: (block) => block };
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://fake');
    const method = url.pathname.split('.').at(-1) ?? '';
    fake.asked.push(method);
    const segment = segments.find(
      ({ name }) => name === (url.searchParams.get('name') ?? url.searchParams.get('segment')),
    );
    if (method === 'listSegments') {
      // two pages
      const from = Number(url.searchParams.get('cursor') ?? 0);
      const page = segments.slice(from, from + 2).map(({ name, events }, index) => ({
        name,
        index,
        minIndexedAt: events[0]?.us,
        maxIndexedAt: events.at(-1)?.us,
      }));
      const cursor = from + 2 < segments.length ? { cursor: String(from + 2) } : {};
      response.writeHead(200).end(JSON.stringify({ segments: page, ...cursor }));
    } else if (method === 'getSegment' && segment !== undefined) {
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
      response.writeHead(206).end(segment.file.subarray(Number(from), Number(to) + 1));
    } else if (method === 'getBlock' && segment !== undefined) {
      const block = segment.blocks[Number(url.searchParams.get('blockIndex'))] ?? Buffer.alloc(0);
      response.writeHead(200).end(fake.spoil(block));
    } else response.writeHead(404).end('{}');
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    const cursor = Number(new URL(request.url ?? '/', 'http://fake').searchParams.get('cursor') ?? 0);
    if (refuseBelowUs !== undefined && cursor < refuseBelowUs) {
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n{"error":"CursorTooOld"}');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      for (const line of streamed)
        if ((JSON.parse(line) as { time_us: number }).time_us >= cursor) client.send(line);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  fake.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/subscribe`;
  onTestFinished(() => {
    for (const client of sockets.clients) client.terminate();
    server.closeAllConnections();
    server.close();
  });
  return fake;
}
