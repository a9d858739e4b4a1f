import { cidLength, type CidKey } from '../../capture/index.ts';

/**
 * Where each block of a CAR is, by the digest of its CID: 45 to 65 bytes a block, where a Map of strings takes 200. A
 * repository of a million records then needs some 70 MB.
 */
export interface BlockIndex {
  readonly size: number;
  /** @param cid a buffer with the CID's 36 bytes at `at`. A block that is there already stays where it is. */
  add(cid: Buffer, at: number, offset: number, length: number): void;
  /** Number of a block; -1 where there is none with this CID. */
  find(cid: CidKey): number;
  offset(block: number): number;
  length(block: number): number;
}

const digestLength = 32;
const digestStart = cidLength - digestLength;

export function openBlockIndex(random: () => number = Math.random): BlockIndex {
  // whoever makes blocks whose digests share their low bits doesn't know where they fall
  const seed = (Math.floor(random() * 2 ** 31) * 2 + 1) | 0;
  let capacity = 1 << 8;
  let shift = 32 - 9;
  let table = new Int32Array(capacity * 2).fill(-1);
  let digests = Buffer.allocUnsafe(capacity * digestLength);
  let offsets = new Float64Array(capacity);
  let lengths = new Uint32Array(capacity);
  let size = 0;

  const place = (word: number): number => Math.imul(word, seed) >>> shift;
  const next = (slot: number): number => (slot + 1) & (table.length - 1);

  const grow = (): void => {
    capacity *= 2;
    shift--;
    const wider = Buffer.allocUnsafe(capacity * digestLength);
    digests.copy(wider);
    digests = wider;
    const farther = new Float64Array(capacity);
    farther.set(offsets);
    offsets = farther;
    const longer = new Uint32Array(capacity);
    longer.set(lengths);
    lengths = longer;
    table = new Int32Array(capacity * 2).fill(-1);
    for (let block = 0; block < size; block++) {
      let slot = place(digests.readInt32LE(block * digestLength));
      while (table[slot] !== -1) slot = next(slot);
      table[slot] = block;
    }
  };

  return {
    get size() {
      return size;
    },
    add(cid, at, offset, length) {
      const start = at + digestStart;
      let slot = place(cid.readInt32LE(start));
      for (; table[slot] !== -1; slot = next(slot)) {
        const from = (table[slot] as number) * digestLength;
        if (cid.compare(digests, from, from + digestLength, start, start + digestLength) === 0) return;
      }
      table[slot] = size;
      cid.copy(digests, size * digestLength, start, start + digestLength);
      offsets[size] = offset;
      lengths[size] = length;
      size++;
      if (size === capacity) grow();
    },
    find(cid) {
      const word =
        cid.charCodeAt(digestStart) |
        (cid.charCodeAt(digestStart + 1) << 8) |
        (cid.charCodeAt(digestStart + 2) << 16) |
        (cid.charCodeAt(digestStart + 3) << 24);
      search: for (let slot = place(word); table[slot] !== -1; slot = next(slot)) {
        const block = table[slot] as number;
        const from = block * digestLength;
        for (let i = 0; i < digestLength; i++)
          if (digests[from + i] !== cid.charCodeAt(digestStart + i)) continue search;
        return block;
      }
      return -1;
    },
    offset: (block) => offsets[block] as number,
    length: (block) => lengths[block] as number,
  };
}
