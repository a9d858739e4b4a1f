import { decode, type BytesWrapper, type CidLinkWrapper } from '@atcute/cbor';
import { Rejection } from '../rejection.ts';
import { cidKey, cidText, type CarBlocks, type CidKey } from './car.ts';

/** One node of a Merkle search tree: `subtrees[i]` lies before `keys[i]`, the last one after all keys. */
export interface MstNode {
  keys: string[];
  values: CidKey[];
  subtrees: (CidKey | null)[];
}

const validKey = /^[a-zA-Z0-9_~\-:.]+\/[a-zA-Z0-9_~\-:.]+$/;
const maxKeyLength = 1024;
/** SHA-256 gives at most 128 layers of two zero bits; a real repository has under 20. */
const maxDepth = 130;

/** Reads a node. @throws Rejection 'bad_proof' if it isn't one, or its keys are not valid and in order. */
export function parseNode(bytes: Uint8Array): MstNode {
  return parseUsualNode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) ?? parseAnyNode(bytes);
}

/** 'd8 2a 58 25 00': tag 42, a byte string of 37, the multibase prefix of a binary CID. */
const linkHead = [0xd8, 0x2a, 0x58, 0x25, 0x00];
const linkLength = linkHead.length + 36;

/**
 * Reads a node as every server writes it, `{"e": [{"k", "p", "t", "v"}, …], "l"}` with its keys in this order, without a
 * general decoder in between: nodes are most of what a commit carries.
 * @returns null for anything else, wrong or not: `parseAnyNode` tells
 */
export function parseUsualNode(bytes: Buffer): MstNode | null {
  let at = 0;
  const name = (letter: number): boolean => {
    const is = bytes[at] === 0x61 && bytes[at + 1] === letter;
    at += 2;
    return is;
  };
  /** Number in the head of a value of a major type, in its shortest form and below 2^16; -1 for anything else. */
  const head = (major: number): number => {
    const n = (bytes[at++] ?? 0) - major;
    if (n < 0 || n > 25) return -1;
    if (n < 24) return n;
    if (n === 24) {
      const value = bytes[at++] ?? 0;
      return value < 24 ? -1 : value;
    }
    const value = (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
    at += 2;
    return value < 256 ? -1 : value;
  };
  const link = (): CidKey | null => {
    for (let i = 0; i < linkHead.length; i++) if (bytes[at + i] !== linkHead[i]) return null;
    const start = at + linkHead.length;
    const codec = bytes[start + 1];
    if (bytes[start] !== 1 || (codec !== 0x71 && codec !== 0x55)) return null;
    if (bytes[start + 2] !== 0x12 || bytes[start + 3] !== 0x20 || start + 36 > bytes.length) return null;
    at += linkLength;
    return bytes.toString('latin1', start, at);
  };
  /** Null for CBOR's null, undefined for what is neither that nor a link. */
  const linkOrNull = (): CidKey | null | undefined => {
    if (bytes[at] !== 0xf6) return link() ?? undefined;
    at++;
    return null;
  };

  if (bytes[at++] !== 0xa2 || !name(0x65)) return null;
  const count = head(0x80);
  if (count < 0) return null;
  const keys: string[] = [];
  const values: CidKey[] = [];
  const subtrees: (CidKey | null)[] = [null]; // the first one is written last
  let last = '';
  for (let i = 0; i < count; i++) {
    if (bytes[at++] !== 0xa4 || !name(0x6b)) return null;
    const length = head(0x40);
    const start = at;
    at += length;
    if (length < 0 || at > bytes.length || !name(0x70)) return null;
    const shared = head(0);
    if (shared < 0 || shared > last.length || !name(0x74)) return null;
    const subtree = linkOrNull();
    if (subtree === undefined || !name(0x76)) return null;
    const value = link();
    if (value === null) return null;
    const key = last.slice(0, shared) + bytes.toString('latin1', start, start + length);
    if (key <= last || key.length > maxKeyLength || !validKey.test(key)) return null;
    keys.push(key);
    values.push(value);
    subtrees.push(subtree);
    last = key;
  }
  if (!name(0x6c)) return null;
  const first = linkOrNull();
  if (first === undefined || at !== bytes.length) return null;
  subtrees[0] = first;
  return { keys, values, subtrees };
}

/** Reads a node by a general decoder. @throws Rejection 'bad_proof' */
export function parseAnyNode(bytes: Uint8Array): MstNode {
  const fail = (what: string, cause?: unknown): never => {
    throw new Rejection('bad_proof', `a tree node ${what}`, cause);
  };
  let data: { l?: CidLinkWrapper | null; e?: unknown };
  try {
    data = decode(bytes) as typeof data;
  } catch (cause) {
    return fail('is not CBOR', cause);
  }
  if (data === null || typeof data !== 'object' || !Array.isArray(data.e)) return fail('has no entries');
  const node: MstNode = { keys: [], values: [], subtrees: [data.l ? cidKey(data.l) : null] };
  let last = '';
  for (const entry of data.e as {
    p?: unknown;
    k?: BytesWrapper;
    v?: CidLinkWrapper;
    t?: CidLinkWrapper | null;
  }[]) {
    const suffix = entry.k?.buf;
    const shared = entry.p;
    if (!(suffix instanceof Uint8Array) || typeof shared !== 'number' || shared < 0 || shared > last.length)
      return fail('has an entry without a key');
    const key =
      last.slice(0, shared) + Buffer.from(suffix.buffer, suffix.byteOffset, suffix.length).toString('latin1');
    if (key.length > maxKeyLength || !validKey.test(key)) return fail('has a key that is not valid');
    if (key <= last) return fail('has keys out of order');
    node.keys.push(key);
    node.values.push(cidKey(entry.v));
    node.subtrees.push(entry.t ? cidKey(entry.t) : null);
    last = key;
  }
  return node;
}

/** Reads nodes of a partial tree out of a CAR, each checked against its CID and parsed once. */
export function openTree(car: CarBlocks): (cid: CidKey) => MstNode {
  const nodes = new Map<CidKey, MstNode>();
  return (cid) => {
    const known = nodes.get(cid);
    if (known) return known;
    const bytes = car.block(cid);
    if (!car.matches(cid))
      throw new Rejection('bad_proof', `tree node ${cidText(cid)} does not have its CID's content`);
    const node = parseNode(bytes);
    nodes.set(cid, node);
    return node;
  };
}

/**
 * What the tree holds under a key, proved: every node on the way is in the CAR and has its CID's content.
 * @returns the value's CID; null if the tree proves that there is none
 * @throws Rejection 'missing_block' where the way leads out of the CAR, 'bad_proof' where a node is wrong
 */
export function lookUp(node: (cid: CidKey) => MstNode, root: CidKey, key: string): CidKey | null {
  let at: CidKey | null = root;
  for (let depth = 0; at !== null; depth++) {
    if (depth > maxDepth) throw new Rejection('bad_proof', 'the tree is deeper than a tree can be');
    const { keys, values, subtrees } = node(at);
    let i = 0;
    while (i < keys.length && (keys[i] as string) < key) i++;
    if (keys[i] === key) return values[i] as CidKey;
    at = subtrees[i] as CidKey | null;
  }
  return null;
}
