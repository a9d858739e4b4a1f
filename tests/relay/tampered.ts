import { decode, type BytesWrapper, type CidLinkWrapper } from '@atcute/cbor';
import { cidKey, openCar } from '../../extract/capture/firehose/car.ts';
import { encodeFrame, parseFrame } from '../../extract/capture/index.ts';

interface Commit {
  ops: { action: string; path: string; cid: CidLinkWrapper | null }[];
  blocks: BytesWrapper;
  repo: string;
}

export const commitOf = (frame: Uint8Array): Commit => parseFrame(frame).body as unknown as Commit;

/** Place of a block's content in a frame. */
function blockAt(frame: Buffer, cid: CidLinkWrapper): number {
  return openCar(commitOf(frame).blocks.buf).block(cidKey(cid)).byteOffset - frame.byteOffset;
}

function flipped(frame: Buffer, at: number): Buffer {
  const copy = Buffer.from(frame);
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
}

/** Signed commit of a frame; views into the frame's own bytes. */
function signedCommit(frame: Buffer): { sig: BytesWrapper; data: CidLinkWrapper } {
  const car = openCar(commitOf(frame).blocks.buf);
  return decode(car.block(car.root)) as ReturnType<typeof signedCommit>;
}

/** Each way to spoil a frame with one create, and the reason that capture must give. */
export const tamperings: Record<string, { reason: string; spoil: (frame: Buffer) => Buffer }> = {
  'a flipped byte in the signature': {
    reason: 'bad_signature',
    spoil: (frame) => flipped(frame, signedCommit(frame).sig.buf.byteOffset - frame.byteOffset + 40),
  },
  'a flipped byte in the record': {
    reason: 'cid_mismatch',
    spoil(frame) {
      const cid = commitOf(frame).ops[0]?.cid as CidLinkWrapper;
      return flipped(frame, blockAt(frame, cid) + 20);
    },
  },
  'a flipped byte in the proof': {
    reason: 'bad_proof',
    spoil: (frame) => flipped(frame, blockAt(frame, signedCommit(frame).data) + 30),
  },
  'an operation on a key that the tree does not have': {
    reason: 'bad_proof',
    spoil(frame) {
      const parsed = parseFrame(frame);
      const { ops } = parsed.body as unknown as Commit;
      parsed.body.ops = ops.map((op) => ({
        ...op,
        path: `${op.path.slice(0, -1)}${op.path.endsWith('2') ? '3' : '2'}`,
      }));
      return Buffer.from(encodeFrame(parsed));
    },
  },
  'an operation with the CID of something else': {
    reason: 'bad_proof',
    spoil(frame) {
      const parsed = parseFrame(frame);
      const { ops } = parsed.body as unknown as Commit;
      parsed.body.ops = ops.map((op) => ({ ...op, cid: parsed.body.commit as CidLinkWrapper }));
      return Buffer.from(encodeFrame(parsed));
    },
  },
  'a delete of a record that is still there': {
    reason: 'bad_proof',
    spoil(frame) {
      const parsed = parseFrame(frame);
      const { ops } = parsed.body as unknown as Commit;
      parsed.body.ops = ops.map((op) => ({ ...op, action: 'delete', cid: null }));
      return Buffer.from(encodeFrame(parsed));
    },
  },
  'the name of another repository': {
    reason: 'bad_signature',
    spoil(frame) {
      const parsed = parseFrame(frame);
      return Buffer.from(
        encodeFrame({ ...parsed, body: { ...parsed.body, repo: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' } }),
      );
    },
  },
  'an end that is cut off': {
    reason: 'malformed_frame',
    spoil: (frame) => frame.subarray(0, frame.length - 50),
  },
  'blocks that are no CAR': {
    reason: 'malformed_frame',
    spoil(frame) {
      const { blocks } = commitOf(frame);
      const copy = Buffer.from(frame);
      copy.fill(
        0xff,
        blocks.buf.byteOffset - frame.byteOffset,
        blocks.buf.byteOffset - frame.byteOffset + 20,
      );
      return copy;
    },
  },
};
