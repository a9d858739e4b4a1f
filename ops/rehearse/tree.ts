import { hash } from 'node:crypto';
import { CidLinkWrapper, encode, toBytes } from '@atcute/cbor';

/** A block of a repository: its CID (36 bytes) and its content. */
export interface Block {
  cid: Uint8Array;
  bytes: Uint8Array;
}

/** One node of a Merkle search tree. Nodes never change: a change makes new ones along one path. */
export interface TreeNode {
  layer: number;
  keys: readonly string[];
  values: readonly Uint8Array[];
  /** `children[i]` lies before `keys[i]`, the last one after all keys. */
  children: readonly (TreeNode | null)[];
  /** Made when first asked for. */
  block: Block | null;
}

export type Tree = TreeNode | null;

/** The CID (version 1, DAG-CBOR, SHA-256) of a value, and its bytes. */
export function blockOf(value: unknown): Block {
  const bytes = encode(value);
  const cid = new Uint8Array(36);
  cid.set([1, 0x71, 0x12, 0x20]);
  cid.set(hash('sha256', bytes, 'buffer'), 4);
  return { cid, bytes };
}

export const linkTo = (cid: Uint8Array): CidLinkWrapper => new CidLinkWrapper(cid);

const node = (
  layer: number,
  keys: readonly string[],
  values: readonly Uint8Array[],
  children: readonly Tree[],
): TreeNode => ({ layer, keys, values, children, block: null });

const orNothing = (made: TreeNode): Tree =>
  made.keys.length === 0 && made.children[0] === null ? null : made;

/** Layer of a key: leading zero bits of its SHA-256, in pairs. */
function layerOf(key: string): number {
  const digest = hash('sha256', key, 'buffer');
  let layer = 0;
  while (layer < 128 && (((digest[layer >> 2] as number) >> (6 - 2 * (layer & 3))) & 3) === 0) layer++;
  return layer;
}

/** Index of the first key that is not before `key`. */
function place(keys: readonly string[], key: string): number {
  let i = 0;
  while (i < keys.length && (keys[i] as string) < key) i++;
  return i;
}

function split(tree: Tree, key: string): [Tree, Tree] {
  if (tree === null) return [null, null];
  const { layer, keys, values, children } = tree;
  const i = place(keys, key);
  const [before, after] = split(children[i] as Tree, key);
  return [
    orNothing(node(layer, keys.slice(0, i), values.slice(0, i), [...children.slice(0, i), before])),
    orNothing(node(layer, keys.slice(i), values.slice(i), [after, ...children.slice(i + 1)])),
  ];
}

function join(a: Tree, b: Tree): Tree {
  if (a === null || b === null) return a ?? b;
  return node(
    a.layer,
    [...a.keys, ...b.keys],
    [...a.values, ...b.values],
    [
      ...a.children.slice(0, -1),
      join(a.children.at(-1) as Tree, b.children[0] as Tree),
      ...b.children.slice(1),
    ],
  );
}

function putBelow(tree: Tree, layer: number, key: string, keyLayer: number, value: Uint8Array): TreeNode {
  const { keys, values, children } = tree ?? node(layer, [], [], [null]);
  const i = place(keys, key);
  if (keys[i] === key) return node(layer, keys, values.with(i, value), children);
  const child = children[i] as Tree;
  if (keyLayer < layer)
    return node(layer, keys, values, children.with(i, putBelow(child, layer - 1, key, keyLayer, value)));
  return node(
    layer,
    keys.toSpliced(i, 0, key),
    values.toSpliced(i, 0, value),
    children.toSpliced(i, 1, ...split(child, key)),
  );
}

/** The tree with a key set to a CID, whether it had it or not. */
export function put(tree: Tree, key: string, value: Uint8Array): TreeNode {
  const keyLayer = layerOf(key);
  if (tree === null) return node(keyLayer, [key], [value], [null, null]);
  if (keyLayer <= tree.layer) return putBelow(tree, tree.layer, key, keyLayer, value);
  const raised = (half: Tree): Tree => {
    let at = half;
    while (at !== null && at.layer < keyLayer - 1) at = node(at.layer + 1, [], [], [at]);
    return at;
  };
  const [before, after] = split(tree, key);
  return node(keyLayer, [key], [value], [raised(before), raised(after)]);
}

function removeBelow(tree: Tree, key: string): Tree {
  if (tree === null) throw new Error(`${key} is not in the tree`);
  const { layer, keys, values, children } = tree;
  const i = place(keys, key);
  if (keys[i] !== key)
    return orNothing(node(layer, keys, values, children.with(i, removeBelow(children[i] as Tree, key))));
  const joined = join(children[i] as Tree, children[i + 1] as Tree);
  return orNothing(
    node(layer, keys.toSpliced(i, 1), values.toSpliced(i, 1), children.toSpliced(i, 2, joined)),
  );
}

/** The tree without a key that it has. */
export function remove(tree: Tree, key: string): Tree {
  let root = removeBelow(tree, key);
  while (root !== null && root.keys.length === 0) root = root.children[0] as Tree;
  return root;
}

const empty: TreeNode = node(0, [], [], [null]);

/** A node's block; that of the empty tree for null. */
export function blockOfNode(tree: Tree): Block {
  const at = tree ?? empty;
  if (at.block !== null) return at.block;
  const link = (child: Tree | undefined) => (child ? linkTo(blockOfNode(child).cid) : null);
  let last = '';
  const entries = at.keys.map((key, i) => {
    let shared = 0;
    while (shared < last.length && last[shared] === key[shared]) shared++;
    last = key;
    return {
      p: shared,
      k: toBytes(Buffer.from(key.slice(shared), 'latin1')),
      v: linkTo(at.values[i] as Uint8Array),
      t: link(at.children[i + 1]),
    };
  });
  return (at.block = blockOf({ l: link(at.children[0]), e: entries }));
}

/**
 * Adds the nodes that prove what a tree holds under a key, and those that are needed to undo that: the ways to the key and
 * to its neighbours on both sides.
 */
export function addProof(tree: Tree, key: string, into: Set<TreeNode>): void {
  const spine = (start: Tree, side: 'first' | 'last'): void => {
    for (let at = start; at !== null; at = (side === 'first' ? at.children[0] : at.children.at(-1)) as Tree)
      into.add(at);
  };
  let at: Tree = tree ?? empty;
  while (at !== null) {
    into.add(at);
    const i = place(at.keys, key);
    if (at.keys[i] === key) {
      spine(at.children[i] as Tree, 'last');
      spine(at.children[i + 1] as Tree, 'first');
      return;
    }
    at = at.children[i] as Tree;
  }
}
