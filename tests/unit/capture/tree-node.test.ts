import { decode, type BytesWrapper } from '@atcute/cbor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCar } from '../../../extract/capture/firehose/car.ts';
import { parseAnyNode, parseNode, parseUsualNode } from '../../../extract/capture/firehose/mst.ts';
import { parseFrame } from '../../../extract/capture/index.ts';
import { openSyntheticNetwork } from '../../../ops/rehearse/index.ts';
import { hasData, realFrames } from '../../data.ts';

/** The blocks of frames that are nodes of a tree. */
function nodesOf(frames: Buffer[]): Buffer[] {
  return frames.flatMap((frame) => {
    const blocks = (parseFrame(frame).body.blocks as BytesWrapper | undefined)?.buf;
    if (blocks === undefined) return [];
    const car = openCar(blocks);
    return [...car.cids()].map((cid) => car.block(cid)).filter((block) => 'e' in (decode(block) as object));
  });
}

const network = openSyntheticNetwork({ seed: 'nodes', accounts: 2 });
const synthetic = nodesOf(
  Array.from({ length: 300 }, (_, i) => network.next(1_780_000_000_000_000 + i * 1_000).frame),
);

describe('reading a tree node', () => {
  it.skipIf(!hasData)('needs no general decoder for any node of the real frames, and agrees with it', () => {
    const nodes = nodesOf(realFrames());
    expect(nodes.length).toBeGreaterThan(400);
    for (const node of nodes) expect(parseUsualNode(node)).toEqual(parseAnyNode(node));
  });

  it('takes nothing that the general decoder refuses, and nothing as something else', () => {
    const changed = fc.record({
      node: fc.constantFrom(...synthetic),
      at: fc.nat(),
      byte: fc.nat(255),
      cut: fc.option(fc.nat(), { freq: 5 }),
    });
    let taken = 0;
    fc.assert(
      fc.property(changed, ({ node, at, byte, cut }) => {
        const bytes = Buffer.from(node);
        bytes[at % bytes.length] = byte;
        const given = cut === null ? bytes : bytes.subarray(0, cut % bytes.length);
        const usual = parseUsualNode(given);
        if (usual === null) return;
        taken++;
        expect(usual).toEqual(parseAnyNode(given));
      }),
      { numRuns: 5_000 },
    );
    expect(taken).toBeGreaterThan(250); // a changed hash is still a node: about 500 of them, give or take 22
  });

  it('leaves keys that are not in order, or not keys, to be refused with a reason', () => {
    const node = synthetic.find((bytes) => (parseAnyNode(bytes).keys[0] ?? '').startsWith('app.bsky.'));
    const bytes = Buffer.from(node as Buffer);
    bytes[bytes.indexOf('app.bsky.') + 1] = 0x20;
    expect(parseUsualNode(bytes)).toBeNull();
    expect(() => parseNode(bytes)).toThrow('a key that is not valid');
  });
});
