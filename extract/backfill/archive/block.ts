import { hash } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { decode } from '@atcute/cbor';
import { cidText } from '../../capture/index.ts';
import { Failure } from '../failure.ts';

/** A row of an archive's block. */
export interface ArchivedEvent {
  /** When the server first saw it, microseconds UTC. */
  witnessedUs: number;
  kind: 'create' | 'update' | 'delete' | 'identity' | 'account' | 'sync';
  did: string;
  collection: string;
  rkey: string;
  rev: string;
  /** CBOR of the record or the event, as it came to the server. */
  payload: Buffer;
}

const kinds = [null, 'create', 'update', 'delete', 'identity', 'account', 'sync'] as const;
const maxBlockBytes = 512 << 20;
/** Bytes an event has in the columns of fixed size: seq, two times, kind, and five lengths. */
const fixedBytes = 8 + 8 + 8 + 1 + 1 + 2 + 1 + 1 + 4;

const broken = (what: string, cause?: unknown): Failure =>
  new Failure('malformed_answer', `a block of the archive ${what}`, { transient: true, cause });

/**
 * Reads a block: one zstd frame with a checksum, in it columns, first those of fixed size, then the texts one after the other.
 * @throws Failure 'malformed_answer'
 */
export function decodeBlock(frame: Buffer): ArchivedEvent[] {
  let bytes: Buffer;
  try {
    bytes = zstdDecompressSync(frame, { maxOutputLength: maxBlockBytes });
  } catch (cause) {
    throw broken('does not unpack', cause);
  }
  if (bytes.length < 4) throw broken('is too short');
  const count = bytes.readUInt32LE(0);
  if (4 + count * fixedBytes > bytes.length) throw broken('is shorter than its columns');
  let at = 4;
  const column = (width: number): number => {
    const start = at;
    at += width * count;
    return start;
  };
  column(8); // seq: good only for this server
  const witnessed = column(8);
  column(8); // another time that an operator may have given
  const kind = column(1);
  const lengths = {
    collection: [column(1), 1],
    did: [column(2), 2],
    rkey: [column(1), 1],
    rev: [column(1), 1],
    payload: [column(4), 4],
  } as const;
  /** Ends of the values of a column of texts, which begins here. */
  const texts = ([start, width]: readonly [number, number]): ((i: number) => Buffer) => {
    const ends = new Float64Array(count + 1);
    ends[0] = at;
    for (let i = 0; i < count; i++)
      ends[i + 1] = (ends[i] as number) + bytes.readUIntLE(start + i * width, width);
    at = ends[count] as number;
    if (at > bytes.length) throw broken('is shorter than its texts');
    return (i) => bytes.subarray(ends[i], ends[i + 1]);
  };
  const collection = texts(lengths.collection);
  const did = texts(lengths.did);
  const rkey = texts(lengths.rkey);
  const rev = texts(lengths.rev);
  const payload = texts(lengths.payload);
  if (at !== bytes.length) throw broken('is longer than its columns');
  return Array.from({ length: count }, (_, i) => {
    const of = kinds[bytes[kind + i] ?? 0];
    if (of === null || of === undefined) throw broken(`has an event of kind ${bytes[kind + i]}`);
    return {
      witnessedUs: Number(bytes.readBigInt64LE(witnessed + i * 8)),
      kind: of,
      did: did(i).toString('utf8'),
      collection: collection(i).toString('utf8'),
      rkey: rkey(i).toString('utf8'),
      rev: rev(i).toString('utf8'),
      payload: payload(i),
    };
  });
}

/** CID of a record from its bytes: version 1, DAG-CBOR, SHA-256. */
const cidOf = (record: Buffer): string =>
  cidText(`\x01\x71\x12\x20${hash('sha256', record, 'buffer').toString('latin1')}`);

/**
 * The event as Jetstream's stream of version 1 would have sent it, so that it goes the same way into the lake. A record's CID is
 * taken from its bytes. Null for a payload that can't be read.
 */
export function asStreamed(event: ArchivedEvent): Buffer | null {
  const { did, witnessedUs, kind, collection, rkey, rev, payload } = event;
  const head = { did, time_us: witnessedUs };
  try {
    switch (kind) {
      case 'create':
      case 'update': {
        const commit = {
          rev,
          operation: kind,
          collection,
          rkey,
          record: decode(payload) as unknown,
          cid: cidOf(payload),
        };
        return Buffer.from(JSON.stringify({ ...head, kind: 'commit', commit }));
      }
      case 'delete':
        return Buffer.from(
          JSON.stringify({ ...head, kind: 'commit', commit: { rev, operation: kind, collection, rkey } }),
        );
      case 'identity':
      case 'account':
        return Buffer.from(JSON.stringify({ ...head, kind, [kind]: decode(payload) as unknown }));
      case 'sync':
        return null; // version 1 has none: what the repository holds is fetched by a backfill of it
    }
  } catch {
    return null;
  }
}
