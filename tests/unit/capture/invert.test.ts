import { MemoryBlockstore, MST } from '@atproto/repo';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cidKey, openCar, type CidKey } from '../../../extract/capture/firehose/car.ts';
import { chainLink } from '../../../extract/capture/firehose/chain-link.ts';
import { invert, type KeyChange } from '../../../extract/capture/firehose/invert.ts';
import { openTree, parseNode } from '../../../extract/capture/firehose/mst.ts';
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
  return { root: cidKey(root as never), node: (cid: CidKey) => parseNode(nodes.get(cid) as Uint8Array) };
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
