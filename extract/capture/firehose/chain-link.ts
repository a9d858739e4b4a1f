import { Rejection } from '../rejection.ts';
import { cidKey, type CarBlocks, type CidKey } from './car.ts';
import { invert, type KeyChange } from './invert.ts';
import type { MstNode } from './mst.ts';
import { undoOne } from './undo-one.ts';

/** How a commit hangs together with the one before it. Trees are named by the first eight bytes of their hash, in hex. */
export interface ChainLink {
  /** Rev of the commit before, as the server says; null if it says none. */
  since: string | null;
  /** Tree before the commit; null where the server doesn't send it, as those did before 2025. */
  prevData: string | null;
  data: string;
  /** 'proved': the operations lead from `prevData` to `data` and nothing was left out. 'legacy': there is no `prevData`. */
  operations: 'proved' | 'legacy' | 'failed';
  /** Why it failed. */
  problem: string | null;
}

type Link = Parameters<typeof cidKey>[0];

interface Operation {
  action: string;
  path: string;
  cid: Link;
  prev?: Link;
}

/** What an operation did to its key; null where the server doesn't say what was there before. */
function changeOf({ action, path, cid, prev }: Operation): KeyChange | null {
  if (action !== 'create' && !prev) return null;
  return {
    key: path,
    before: action === 'create' ? null : cidKey(prev),
    after: action === 'delete' ? null : cidKey(cid),
  };
}

/**
 * The link of a commit whose only operation is proved and leads back to its `prevData`, both in one walk (`undoOne`): what
 * nearly every commit is. Null for any other, of which it says nothing: the operations are to be proved one by one, and
 * `chainLink` undoes them.
 */
export function provedLink(body: Record<string, unknown>, root: CidKey, car: CarBlocks): ChainLink | null {
  const ops = body.ops as Operation[];
  if (ops.length !== 1 || !body.prevData) return null;
  let previous: CidKey;
  try {
    const change = changeOf(ops[0] as Operation);
    previous = cidKey(body.prevData as Link);
    if (change === null || undoOne(car, root, change) !== previous) return null;
  } catch {
    return null; // a link that is none
  }
  return {
    since: typeof body.since === 'string' ? body.since : null,
    prevData: treeName(previous),
    data: treeName(root),
    operations: 'proved',
    problem: null,
  };
}

/** Enough of a tree's CID to tell one of a repository's trees from another. */
export const treeName = (cid: CidKey): string => Buffer.from(cid.slice(4, 12), 'latin1').toString('hex');

/**
 * Undoes a commit's operations and compares with its `prevData`. It never throws: what can't be undone doesn't make the
 * operations untrue, which are proved one by one; it says that the repository may have changed in other ways as well.
 * @param node reads nodes of the tree at `root`
 */
export function chainLink(
  body: Record<string, unknown>,
  root: CidKey,
  node: (cid: CidKey) => MstNode,
): ChainLink {
  const link: ChainLink = {
    since: typeof body.since === 'string' ? body.since : null,
    prevData: null,
    data: treeName(root),
    operations: 'legacy',
    problem: null,
  };
  try {
    if (body.prevData === null || body.prevData === undefined) return link;
    const previous = cidKey(body.prevData as Link);
    link.prevData = treeName(previous);
    const changes: KeyChange[] = [];
    for (const operation of body.ops as Operation[]) {
      const change = changeOf(operation);
      if (change === null) return link;
      changes.push(change);
    }
    if (new Set(changes.map(({ key }) => key)).size < changes.length)
      throw new Rejection('bad_proof', 'two operations on one record');
    // the tree is the same in any order, but the nodes that are needed on the way are not: deletes first, as servers do it
    const inOrder = changes.toSorted((a, b) => Number(a.after !== null) - Number(b.after !== null));
    let before: CidKey;
    try {
      before = invert(node, root, inOrder);
    } catch (error) {
      if (changes.length < 2) throw error;
      before = invert(node, root, inOrder.toReversed());
    }
    link.operations = before === previous ? 'proved' : 'failed';
    if (before !== previous) link.problem = "the operations don't lead back to prevData";
  } catch (error) {
    link.operations = 'failed';
    link.problem = (error as Error).message;
  }
  return link;
}
