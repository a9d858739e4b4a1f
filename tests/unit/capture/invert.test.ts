import { MemoryBlockstore, MST } from '@atproto/repo';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cidKey, openCar, type CidKey } from '../../../extract/capture/firehose/car.ts';
import { chainLink } from '../../../extract/capture/firehose/chain-link.ts';
import { invert, type KeyChange } from '../../../extract/capture/firehose/invert.ts';
import { openTree, parseNode } from '../../../extract/capture/firehose/mst.ts';
import { undoOne } from '../../../extract/capture/firehose/undo-one.ts';
import { encodeFrame, parseFrame } from '../../../extract/capture/index.ts';
import { hasData, realFrames } from '../../data.ts';
import { commitOf } from '../../relay/index.ts';

type Cid = Awaited<ReturnType<MST['getPointer']>>;

const key = fc.integer({ min: 0, max: 400 }).map((n) => `app.bsky.feed.post/${String(n).padStart(4, '0')}`);

/** The reference's tree of some keys, and all its nodes. */
async function treeOf(entries: Map<string, Cid>) {
  let tree = await MST.create(new MemoryBlockstore());
  for (const [at, cid] of entries) tree = await tree.add(at, cid);
  const { root, blocks } = await tree.getUnstoredBlocks();
  const nodes = new Map<CidKey, Uint8Array>();
  blocks.forEach((bytes, cid) => nodes.set(cidKey(cid as never), bytes));
  const block = (cid: CidKey): Buffer => Buffer.from(nodes.get(cid) as Uint8Array);
  return {
    root: cidKey(root as never),
    node: (cid: CidKey) => parseNode(block(cid)),
    nodes,
    car: {
      root: cidKey(root as never),
      block,
      has: (cid: CidKey) => nodes.has(cid),
      matches: (cid: CidKey) => nodes.has(cid),
      cids: () => nodes.keys(),
    },
  };
}

/** CIDs of anything: of trees of one key each. */
const cids: Cid[] = [];
for (let n = 0; n < 5; n++) {
  const filler = cids[0] ?? (await (await MST.create(new MemoryBlockstore())).getPointer());
  cids.push(await (await (await MST.create(new MemoryBlockstore())).add(`x/${n}`, filler)).getPointer());
}

describe('undoing the operations of a commit', () => {
  it("leads back to the tree that the reference had before, whatever was done and in whatever order it's undone", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(key, { maxLength: 60 }),
        fc.uniqueArray(key, { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat(4)),
        async (had, touched, draw) => {
          const pick = (): Cid => cids[draw.next().value as number] as Cid;
          const before = new Map(had.map((at) => [at, pick()]));
          const after = new Map(before);
          const changes: KeyChange[] = touched.map((at) => {
            const old = before.get(at);
            const now = old !== undefined && (draw.next().value as number) < 2 ? null : pick();
            if (now === null) after.delete(at);
            else after.set(at, now);
            return {
              key: at,
              before: old === undefined ? null : cidKey(old as never),
              after: now === null ? null : cidKey(now as never),
            };
          });
          const expected = (await treeOf(before)).root;
          const { root, node } = await treeOf(after);
          expect(invert(node, root, changes)).toBe(expected);
          expect(invert(node, root, changes.toReversed())).toBe(expected);
        },
      ),
      { numRuns: 150 },
    );
  });

  /** Keys of different collections and lengths, so that what neighbours share varies, and nodes have up to dozens. */
  const anyKey = fc
    .tuple(fc.constantFrom('a.b', 'app.bsky.feed.like', 'app.bsky.feed.post'), fc.nat(300))
    .map(([collection, n]) => `${collection}/${n.toString(7).padStart(n % 3)}`.replaceAll(' ', '3'));

  it('one operation is undone on the bytes as it is in general, or left to that', async () => {
    let done = 0;
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(anyKey, { maxLength: 80 }),
        anyKey,
        fc.constantFrom('create', 'update', 'delete'),
        async (others, touched, action) => {
          const rest = new Map(
            others.filter((at) => at !== touched).map((at, i) => [at, cids[i % 3] as Cid]),
          );
          const [old, now] = [cids[3] as Cid, cids[4] as Cid];
          const had = await treeOf(action === 'create' ? rest : new Map(rest).set(touched, old));
          const has = await treeOf(action === 'delete' ? rest : new Map(rest).set(touched, now));
          const change: KeyChange = {
            key: touched,
            before: action === 'create' ? null : cidKey(old as never),
            after: action === 'delete' ? null : cidKey(now as never),
          };
          const root = undoOne(has.car, has.root, change);
          runs++;
          if (root === null) return;
          done++;
          expect(root).toBe(had.root);
          // what is claimed of the key must be so
          const other = cidKey(cids[0] as never);
          if (change.after !== null)
            expect(undoOne(has.car, has.root, { ...change, after: other })).toBeNull();
          if (change.after === null)
            expect(undoOne(has.car, has.root, { ...change, before: other })).not.toBe(had.root);
          if (change.after !== null)
            expect(undoOne(has.car, has.root, { ...change, key: `${touched}0` })).toBeNull();
        },
      ),
      { numRuns: 400 },
    );
    expect(done).toBeGreaterThan(runs / 2);
  });

  it('a node with a bit turned is never taken for one that leads back', async () => {
    const keys = Array.from({ length: 40 }, (_, n) => `app.bsky.feed.post/${String(n * 7).padStart(3, '0')}`);
    const touched = keys[20] as string;
    const now = cids[4] as Cid;
    const rest = new Map(keys.filter((at) => at !== touched).map((at, i) => [at, cids[i % 3] as Cid]));
    const had = await treeOf(rest);
    const has = await treeOf(new Map(rest).set(touched, now));
    const change: KeyChange = { key: touched, before: null, after: cidKey(now as never) };
    const read = new Set<CidKey>();
    const block = (cid: CidKey): Buffer => (read.add(cid), has.car.block(cid));
    expect(undoOne({ ...has.car, block }, has.root, change)).toBe(had.root);
    expect(read.size).toBeGreaterThan(1);
    // `matches` of this car says yes to anything, so the bytes alone have to tell
    for (const cid of read) {
      const node = has.nodes.get(cid) as Uint8Array;
      for (let bit = 0; bit < node.length * 8; bit++) {
        const byte = node[bit >> 3] as number;
        node[bit >> 3] = byte ^ (1 << (bit & 7));
        expect(undoOne(has.car, has.root, change)).not.toBe(had.root);
        node[bit >> 3] = byte;
      }
    }
  });

  describe.skipIf(!hasData)('of the real frames', () => {
    const commits = hasData ? realFrames().filter((frame) => commitOf(frame).ops !== undefined) : [];
    const linkOf = (body: Record<string, unknown>) => {
      const car = openCar((body.blocks as { buf: Uint8Array }).buf);
      const { data } = parseFrame(
        Buffer.concat([Buffer.from([0xa1, 0x62, 0x6f, 0x70, 1]), car.block(car.root)]),
      ).body as { data: never };
      return chainLink(body, cidKey(data), openTree(car));
    };

    it('leads back to prevData in every one', () => {
      const links = commits.map((frame) => linkOf(parseFrame(frame).body));
      expect(links.map(({ operations, problem }) => ({ operations, problem }))).toEqual(
        commits.map(() => ({ operations: 'proved', problem: null })),
      );
    });

    it('fails where an operation is left out, or another tree is claimed, and never throws', () => {
      const many = commits.find((frame) => commitOf(frame).ops.length > 1) as Buffer;
      const { body } = parseFrame(many);
      expect(linkOf({ ...body, ops: (body.ops as unknown[]).slice(1) })).toMatchObject({
        operations: 'failed',
      });
      expect(linkOf({ ...body, prevData: body.commit })).toMatchObject({ operations: 'failed' });
      expect(linkOf({ ...body, prevData: 'no link' })).toMatchObject({ operations: 'failed' });
    });

    it('a server that sends no prevData is legacy, not wrong', () => {
      const { header, body } = parseFrame(commits[0] as Buffer);
      const old = { ...body };
      delete old.prevData;
      expect(linkOf(parseFrame(encodeFrame({ header, body: old })).body)).toMatchObject({
        operations: 'legacy',
        prevData: null,
      });
    });
  });
});
