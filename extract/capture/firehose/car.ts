import { hash } from 'node:crypto';
import { decode, type CidLinkWrapper } from '@atcute/cbor';
import { Rejection } from '../rejection.ts';

/** Binary CID as a latin1 string of 36 characters: a cheap key of a Map, compared byte by byte. */
export type CidKey = string;

export const cidLength = 36;
const rawCodec = 0x55;
const dagCborCodec = 0x71;

/** Blocks of a CAR file, in place: nothing is copied, nothing is hashed until it is asked for. */
export interface CarBlocks {
  readonly root: CidKey;
  /** Content of a block. @throws Rejection 'missing_block' */
  block(cid: CidKey): Buffer;
  has(cid: CidKey): boolean;
  /** True if the block's content has the digest that its CID names. Hashes it once. */
  matches(cid: CidKey): boolean;
  /** Every CID in the file. */
  cids(): Iterable<CidKey>;
}

/** As a key: the 36 bytes of a link. */
export function cidKey(link: CidLinkWrapper | undefined | null): CidKey {
  const bytes = link?.bytes;
  if (!(bytes instanceof Uint8Array)) throw new Rejection('malformed_frame', 'a link was expected');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Unsigned LEB128 of at most five bytes, minimal: a longer one can only be an attempt to confuse. */
export function varint(bytes: Buffer, at: number): { value: number; next: number } {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) throw new Rejection('malformed_frame', 'the CAR ends inside a length');
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) {
      if (byte === 0 && i > 0) throw new Rejection('malformed_frame', 'a CAR length is not minimal');
      return { value, next: at + i + 1 };
    }
  }
  throw new Rejection('malformed_frame', 'a CAR length is over 34 bits');
}

/** The root that a CAR header names. @throws Rejection 'malformed_frame' if it isn't one of version 1 with a single root */
export function carRoot(header: Buffer): CidKey {
  let named: { version?: unknown; roots?: unknown };
  try {
    named = decode(header) as typeof named;
  } catch (cause) {
    throw new Rejection('malformed_frame', 'the CAR header is not CBOR', cause);
  }
  if (named?.version !== 1 || !Array.isArray(named.roots) || named.roots.length !== 1)
    throw new Rejection('malformed_frame', 'the CAR is not version 1 with one root');
  return cidKey(named.roots[0] as CidLinkWrapper);
}

/** @throws Rejection 'malformed_frame' unless a CID of version 1, DAG-CBOR or raw, SHA-256 stands there. */
export function checkCid(bytes: Buffer, at: number): void {
  const codec = bytes[at + 1];
  if (
    bytes[at] !== 1 ||
    (codec !== dagCborCodec && codec !== rawCodec) ||
    bytes[at + 2] !== 0x12 ||
    bytes[at + 3] !== 0x20
  )
    throw new Rejection('malformed_frame', 'a CAR block has a CID that atproto does not use');
}

/**
 * Walks a CAR v1 file once and notes where its blocks are.
 * @throws Rejection 'malformed_frame' if it isn't one with a single root and CIDs of version 1, DAG-CBOR or raw, SHA-256.
 */
export function openCar(source: Uint8Array): CarBlocks {
  const bytes = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  const head = varint(bytes, 0);
  if (head.next + head.value > bytes.length)
    throw new Rejection('malformed_frame', 'the CAR ends in its header');
  const root = carRoot(bytes.subarray(head.next, head.next + head.value));

  const places = new Map<CidKey, { start: number; end: number; checked: boolean | null }>();
  for (let at = head.next + head.value; at < bytes.length;) {
    const { value: length, next } = varint(bytes, at);
    const end = next + length;
    if (length < cidLength || end > bytes.length)
      throw new Rejection('malformed_frame', 'a CAR block is cut off');
    checkCid(bytes, next);
    places.set(bytes.toString('latin1', next, next + cidLength), {
      start: next + cidLength,
      end,
      checked: null,
    });
    at = end;
  }

  const place = (cid: CidKey) => {
    const found = places.get(cid);
    if (found === undefined) throw new Rejection('missing_block', `no block ${cidText(cid)}`);
    return found;
  };
  return {
    root,
    block(cid) {
      const { start, end } = place(cid);
      return bytes.subarray(start, end);
    },
    has: (cid) => places.has(cid),
    matches(cid) {
      const found = place(cid);
      found.checked ??=
        hash('sha256', bytes.subarray(found.start, found.end), 'binary') === cid.slice(cidLength - 32);
      return found.checked;
    },
    cids: () => places.keys(),
  };
}

const base32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** The CID as text: multibase 'b', base32 without padding. */
export function cidText(cid: CidKey): string {
  let text = 'b';
  let bits = 0;
  let held = 0;
  for (let i = 0; i < cid.length; i++) {
    held = (held << 8) | cid.charCodeAt(i);
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += base32[(held >> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  if (bits > 0) text += base32[(held << (5 - bits)) & 31];
  return text;
}
