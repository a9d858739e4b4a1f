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
