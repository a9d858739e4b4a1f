import { hash } from 'node:crypto';
import {
  carRoot,
  checkCid,
  cidLength,
  cidText,
  Rejection,
  varint,
  type CarBlocks,
  type CidKey,
} from '../../capture/index.ts';
import { Failure } from '../failure.ts';
import { openBlockBytes } from './block-bytes.ts';
import { openBlockIndex } from './block-index.ts';

export interface ReadCarOptions {
  /** A CAR that is longer is given up. Default 2 GiB. */
  maxBytes?: number;
  /** Blocks beyond this lie in a temporary file; default 16 MiB. */
  spillBytes?: number;
  folder?: string;
}

/** A repository's blocks, every one of them hashed and found to be what its CID names. */
export interface RepositoryBlocks extends Pick<CarBlocks, 'root' | 'block' | 'has' | 'matches'> {
  readonly blocks: number;
  /** Length of the CAR. */
  readonly bytes: number;
  close(): void;
}

/** No record is over a megabyte, and no node is near it. */
const maxBlockBytes = 4 << 20;

/** Bytes that stand for a length at the front; 0 where it isn't all there yet. */
function lengthEnds(bytes: Buffer, at: number): boolean {
  for (let i = at; i < Math.min(at + 5, bytes.length); i++) if ((bytes[i] as number) < 0x80) return true;
  return bytes.length - at >= 5; // too long, which `varint` says
}

/**
 * Reads a CAR as it comes: each block is hashed as soon as it is there, so that a flipped byte ends the download, and
 * nothing but an index of the blocks stays in memory where the CAR is large.
 * @throws Failure 'truncated', 'too_big'; Rejection 'malformed_frame', 'cid_mismatch'
 */
export async function readCar(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ReadCarOptions = {},
): Promise<RepositoryBlocks> {
  const { maxBytes = 2 ** 31, spillBytes = 16 << 20, folder } = options;
  const index = openBlockIndex();
  const stored = openBlockBytes(spillBytes, folder);
  let root: CidKey | null = null;
  let bytes = 0;
  let rest: Buffer = Buffer.alloc(0);

  /** Takes all whole sections; what is left over waits for more. */
  const take = (buffer: Buffer): Buffer => {
    let at = 0;
    while (at < buffer.length && lengthEnds(buffer, at)) {
      const { value, next } = varint(buffer, at);
      if (value > maxBlockBytes) throw new Rejection('malformed_frame', `a CAR block of ${value} bytes`);
      const end = next + value;
      if (end > buffer.length) break;
      if (root === null) root = carRoot(buffer.subarray(next, end));
      else {
        if (value < cidLength) throw new Rejection('malformed_frame', 'a CAR block without a CID');
        checkCid(buffer, next);
        const content = buffer.subarray(next + cidLength, end);
        const digest = hash('sha256', content, 'buffer');
        if (digest.compare(buffer, next + cidLength - 32, next + cidLength) !== 0)
          throw new Rejection(
            'cid_mismatch',
            `block ${cidText(buffer.toString('latin1', next, next + cidLength))} does not have its CID's content`,
          );
        index.add(buffer, next, stored.length, content.length);
        stored.append(content);
      }
      at = end;
    }
    return buffer.subarray(at);
  };

  try {
    for await (const chunk of source) {
      const piece = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      bytes += piece.length;
      if (bytes > maxBytes)
        throw new Failure('too_big', `the repository is over ${maxBytes} bytes`, { transient: false });
      rest = take(rest.length === 0 ? piece : Buffer.concat([rest, piece]));
    }
    if (rest.length > 0 || root === null)
      throw new Failure('truncated', `the CAR ends inside a block, after ${bytes} bytes`, {
        transient: true,
      });
  } catch (error) {
    stored.close();
    throw error;
  }
  return {
    root,
    blocks: index.size,
    bytes,
    block(cid) {
      const block = index.find(cid);
      if (block === -1) throw new Rejection('missing_block', `no block ${cidText(cid)}`);
      return stored.read(index.offset(block), index.length(block));
    },
    has: (cid) => index.find(cid) !== -1,
    matches: (cid) => index.find(cid) !== -1, // it was hashed when it came
    close: () => stored.close(),
  };
}
