import { hash } from 'node:crypto';
import { Rejection } from '../rejection.ts';
import type { CidKey } from './car.ts';
import type { MstNode } from './mst.ts';

/** An operation as far as the tree knows it: what a key had before and has now; null where there was or is nothing. */
export interface KeyChange {
  key: string;
  before: CidKey | null;
  after: CidKey | null;
}

/** A node that is being changed. A child is a CID while nothing below it has changed. */
interface Draft {
  /** Every key in the node has this many pairs of leading zero bits in its hash; its children have one less. */
  layer: number;
  keys: string[];
  values: CidKey[];
  children: (CidKey | Draft | null)[];
}

type Child = CidKey | Draft | null;

const wrong = (what: string): Rejection =>
  new Rejection('bad_proof', `the operations can't be undone: ${what}`);

/** Layer of a key in the tree: leading zero bits of its SHA-256, in pairs. */
export function layerOf(key: string): number {
  const digest = hash('sha256', key, 'buffer');
  let bits = 0;
  for (const byte of digest) {
    bits += Math.clz32(byte) - 24;
    if (byte !== 0) break;
  }
  return bits >> 1;
}

function place(keys: string[], key: string): number {
  let low = 0;
  for (let high = keys.length; low < high;) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Root of the tree as it was before a commit's operations: each is undone in the partial tree that the commit carries,
 * and the nodes that this changes are hashed anew. A commit whose operations lead back to its `prevData` left none out.
 *
 * Example: a tree of a, b, c and the operation 'create b' -> the root that a tree of a, c has.
 * @param node reads a node of the tree; throws Rejection 'missing_block' where the commit doesn't carry it
 * @throws Rejection 'bad_proof' or 'missing_block' where the operations can't be undone
 */
export function invert(node: (cid: CidKey) => MstNode, root: CidKey, changes: readonly KeyChange[]): CidKey {
  const tree = openDraft(node, root);
  for (const { key, before, after } of changes) {
    if (before === null) tree.remove(key);
    else if (after === null) tree.insert(key, before);
    else tree.replace(key, before);
  }
  return tree.root();
}

function openDraft(node: (cid: CidKey) => MstNode, start: CidKey) {
  const open = (at: CidKey | Draft, layer: number): Draft => {
    if (typeof at !== 'string') return at;
    if (layer < 0) throw wrong('the tree has a node below its lowest layer');
    const { keys, values, subtrees } = node(at);
    return { layer, keys: [...keys], values: [...values], children: [...subtrees] };
  };
  const orNothing = (draft: Draft): Draft | null =>
    draft.keys.length === 0 && draft.children[0] === null ? null : draft;

  const merge = (a: Child, b: Child, layer: number): Child => {
    if (a === null) return b;
    if (b === null) return a;
    const left = open(a, layer);
    const right = open(b, layer);
    const middle = merge(left.children.at(-1) as Child, right.children[0] as Child, layer - 1);
    return {
      layer,
      keys: [...left.keys, ...right.keys],
      values: [...left.values, ...right.values],
      children: [...left.children.slice(0, -1), middle, ...right.children.slice(1)],
    };
  };

  const split = (at: Child, key: string, layer: number): [Child, Child] => {
    if (at === null) return [null, null];
    const { keys, values, children } = open(at, layer);
    const i = place(keys, key);
    const [before, after] = split(children[i] as Child, key, layer - 1);
    return [
      orNothing({
        layer,
        keys: keys.slice(0, i),
        values: values.slice(0, i),
        children: [...children.slice(0, i), before],
      }),
      orNothing({
        layer,
        keys: keys.slice(i),
        values: values.slice(i),
        children: [after, ...children.slice(i + 1)],
      }),
    ];
  };

  /** Walks down to a key, making what it passes a draft, and changes the node that has it. */
  const change = (draft: Draft, key: string, act: (draft: Draft, i: number) => void): void => {
    const i = place(draft.keys, key);
    if (draft.keys[i] === key) {
      act(draft, i);
      return;
    }
    const child = draft.children[i] as Child;
    if (child === null) throw wrong(`${key} is not in the tree`);
    const below = open(child, draft.layer - 1);
    change(below, key, act);
    draft.children[i] = orNothing(below);
  };

  const put = (draft: Draft, key: string, layer: number, value: CidKey): void => {
    const i = place(draft.keys, key);
    if (draft.keys[i] === key) throw wrong(`${key} is still in the tree`);
    const child = draft.children[i] as Child;
    if (draft.layer === layer) {
      draft.keys.splice(i, 0, key);
      draft.values.splice(i, 0, value);
      draft.children.splice(i, 1, ...split(child, key, layer - 1));
      return;
    }
    const below: Draft =
      child === null
        ? { layer: draft.layer - 1, keys: [], values: [], children: [null] }
        : open(child, draft.layer - 1);
    put(below, key, layer, value);
    draft.children[i] = below;
  };

  const first = node(start);
  if (first.keys.length === 0 && first.subtrees[0] !== null) throw wrong('the root has no keys');
  let top: CidKey | Draft = open(start, first.keys.length === 0 ? 0 : layerOf(first.keys[0] as string));

  const opened = (): Draft => {
    if (typeof top === 'string') {
      // what became the root by trimming; it is loaded only when another operation needs it
      const { keys } = node(top);
      if (keys.length === 0) throw wrong('the root has no keys');
      top = open(top, layerOf(keys[0] as string));
    }
    return top;
  };

  return {
    remove(key: string): void {
      change(opened(), key, (draft, i) => {
        draft.keys.splice(i, 1);
        draft.values.splice(i, 1);
        const [left, right] = [draft.children[i] as Child, draft.children[i + 1] as Child];
        draft.children.splice(i, 2, merge(left, right, draft.layer - 1));
      });
      // a root has keys, unless the tree is empty
      while (typeof top !== 'string' && top.keys.length === 0 && top.children[0] !== null) {
        const only: CidKey | Draft = top.children[0] as CidKey | Draft;
        const layer: number = top.layer - 1;
        top = only;
        if (typeof only !== 'string') continue;
        try {
          top = open(only, layer);
        } catch (error) {
          // not carried by the commit: it is the root as it stands, if prevData says so
          if (!(error instanceof Rejection && error.reason === 'missing_block')) throw error;
        }
      }
    },
    insert(key: string, value: CidKey): void {
      const layer = layerOf(key);
      const draft = opened();
      if (orNothing(draft) === null) {
        top = { layer, keys: [key], values: [value], children: [null, null] };
      } else if (layer <= draft.layer) {
        put(draft, key, layer, value);
      } else {
        const raised = (half: Child): Child => {
          let at = half as Draft | null;
          while (at !== null && at.layer < layer - 1)
            at = { layer: at.layer + 1, keys: [], values: [], children: [at] };
          return at;
        };
        const [left, right] = split(draft, key, draft.layer);
        top = { layer, keys: [key], values: [value], children: [raised(left), raised(right)] };
      }
    },
    replace(key: string, value: CidKey): void {
      change(opened(), key, (draft, i) => (draft.values[i] = value));
    },
    root: (): CidKey => cidOf(top),
  };
}

const cidOf = (at: CidKey | Draft): CidKey => {
  if (typeof at === 'string') return at;
  // children first: they are written into the same scratch
  const children = at.children.map((child) => (child === null ? null : cidOf(child)));
  return `\x01\x71\x12\x20${hash('sha256', encodeNode(at, children), 'binary')}`;
};

/** Where nodes are written before they are hashed; grows to the largest. */
let scratch = Buffer.allocUnsafe(16_384);
const linkHead = '\xd8\x2a\x58\x25\x00';
const longestHead = 3;

/** Writes the head of a CBOR value of a major type (already shifted) with a length or number. */
function writeHead(at: number, major: number, n: number): number {
  if (n < 24) {
    scratch[at] = major | n;
    return at + 1;
  }
  if (n < 0x100) {
    scratch[at] = major | 24;
    scratch[at + 1] = n;
    return at + 2;
  }
  scratch[at] = major | 25;
  scratch[at + 1] = n >> 8;
  scratch[at + 2] = n & 0xff;
  return at + 3;
}

/**
 * A node as DAG-CBOR: `{"e": [{"k", "p", "t", "v"}, …], "l"}`, keys in that order. Keys are of at most 1024 ASCII
 * characters and no node has 65,536 entries, so no length needs more than two bytes.
 * @returns a view into the scratch, good until the next call
 */
function encodeNode({ keys, values }: Draft, children: readonly (CidKey | null)[]): Buffer {
  let most = 2 * longestHead + 64;
  for (const key of keys) most += key.length + 4 * longestHead + 96;
  if (most > scratch.length) scratch = Buffer.allocUnsafe(2 * most);
  const link = (at: number, marker: number, cid: CidKey | null): number => {
    scratch[at] = 0x61;
    scratch[at + 1] = marker;
    if (cid === null) {
      scratch[at + 2] = 0xf6;
      return at + 3;
    }
    return at + 2 + scratch.write(linkHead + cid, at + 2, 'latin1');
  };
  scratch[0] = 0xa2;
  scratch[1] = 0x61;
  scratch[2] = 0x65; // e
  let at = writeHead(3, 0x80, keys.length);
  let last = '';
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    let shared = 0;
    while (shared < last.length && last.charCodeAt(shared) === key.charCodeAt(shared)) shared++;
    scratch[at] = 0xa4;
    scratch[at + 1] = 0x61;
    scratch[at + 2] = 0x6b; // k
    at = writeHead(at + 3, 0x40, key.length - shared);
    at += scratch.write(key.slice(shared), at, 'latin1');
    scratch[at] = 0x61;
    scratch[at + 1] = 0x70; // p
    at = writeHead(at + 2, 0, shared);
    at = link(at, 0x74, children[i + 1] as CidKey | null); // t
    at = link(at, 0x76, values[i] as CidKey); // v
    last = key;
  }
  return scratch.subarray(0, link(at, 0x6c, children[0] as CidKey | null)); // l
}
