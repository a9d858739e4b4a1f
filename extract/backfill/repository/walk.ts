import { hash } from 'node:crypto';
import { cidText, parseNode, Rejection, type CidKey, type MstNode } from '../../capture/index.ts';
import type { RepositoryBlocks } from './read-car.ts';

/** A record's place in the tree. */
export interface TreeEntry {
  /** `collection/rkey` */
  path: string;
  cid: CidKey;
}

/**
 * Layer of a key in a Merkle search tree: leading zero bits of its SHA-256, in pairs.
 * @example layerOf('app.bsky.feed.post/454397e440ec') === 4
 */
export function layerOf(key: string): number {
  const digest = hash('sha256', key, 'buffer');
  for (let i = 0; i < digest.length; i++) {
    const byte = digest[i] as number;
    if (byte !== 0) return i * 4 + Math.floor((Math.clz32(byte) - 24) / 2);
  }
  return digest.length * 4;
}

interface Level {
  node: MstNode;
  layer: number;
  /** Which subtree comes next; the key before it was given out. */
  next: number;
}

const wrong = (what: string): Rejection => new Rejection('bad_proof', what);

/**
 * Gives every record of a repository, in the order of their paths, and checks the tree on the way: keys rise from the first to the
 * last, each stands on the layer that its hash gives it, children stand one layer below their parents, and no node is
 * empty that needn't be. One tree has one form, so that two repositories with the same records have the same root.
 *
 * It can't be made to go round in circles or to go on for ever: a node with keys can't come twice, because keys rise, and
 * nodes without keys lead down a layer each.
 * @param root the commit's `data`
 * @throws Rejection 'bad_proof', 'missing_block'
 */
export function* walkTree(
  blocks: Pick<RepositoryBlocks, 'block' | 'has'>,
  root: CidKey,
): Generator<TreeEntry, void, undefined> {
  const levels: Level[] = [];
  let last = '';

  const enter = (cid: CidKey, expected: number | null): void => {
    const node = parseNode(blocks.block(cid));
    const [first] = node.keys;
    if (first === undefined) {
      if (expected === null && node.subtrees[0] === null) return; // a repository without records
      if (expected === null || node.subtrees[0] === null) throw wrong(`tree node ${cidText(cid)} is empty`);
    }
    const layer = first === undefined ? (expected as number) : layerOf(first);
    if (expected !== null && layer !== expected)
      throw wrong(`tree node ${cidText(cid)} is on layer ${expected}, its keys belong on ${layer}`);
    if (layer < 0) throw wrong(`tree node ${cidText(cid)} lies below the lowest layer`);
    for (let i = 1; i < node.keys.length; i++)
      if (layerOf(node.keys[i] as string) !== layer)
        throw wrong(`tree node ${cidText(cid)} has keys of several layers`);
    levels.push({ node, layer, next: 0 });
  };

  enter(root, null);
  while (levels.length > 0) {
    const level = levels[levels.length - 1] as Level;
    const { node, layer } = level;
    const i = level.next++;
    if (i > 0) {
      const path = node.keys[i - 1] as string;
      if (path <= last) throw wrong(`the tree has '${path}' after '${last}'`);
      last = path;
      yield { path, cid: node.values[i - 1] as CidKey };
    }
    if (i === node.keys.length) levels.pop(); // its last subtree is entered in its place
    const subtree = node.subtrees[i];
    if (subtree !== null && subtree !== undefined) enter(subtree, layer - 1);
  }
}
