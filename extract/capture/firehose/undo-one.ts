import { hash } from 'node:crypto';
import type { CarBlocks, CidKey } from './car.ts';
import { layerOf, type KeyChange } from './invert.ts';

// What `lookUp` and `invert` do for any commit, done on the bytes of the nodes for what nearly every commit is: one operation, on
// nodes as servers write them. No key becomes a string and no node an object; a node is written anew by copying what stays.

/** Where things are in a node, relative to the key that was looked for. Offsets are into `bytes`. */
interface Scan {
  bytes: Buffer;
  count: number;
  /** The first entry. */
  entriesAt: number;
  /** First entry whose key is not before the one looked for: its place, `count` if there is none. */
  index: number;
  found: boolean;
  /** That entry, or the end of the entries. */
  entryAt: number;
  shared: number;
  suffixAt: number;
  suffixLength: number;
  /** After its suffix and what it shares: its `t`. */
  restAt: number;
  rightAt: number;
  valueAt: number;
  /** The entry after it; `nextAt` is the end of the entries if there is none. */
  nextAt: number;
  nextShared: number;
  nextSuffixAt: number;
  nextSuffixLength: number;
  nextRestAt: number;
  /** The link to what lies before that entry. */
  leftAt: number;
  /** The node's `l`, with its name. */
  endAt: number;
  /** Characters that the key looked for shares with the one before it in the node, and the one after. */
  sharedBefore: number;
  sharedAfter: number;
}

const newScan = (): Scan => ({
  bytes: Buffer.alloc(0),
  count: 0,
  entriesAt: 0,
  index: 0,
  found: false,
  entryAt: 0,
  shared: 0,
  suffixAt: 0,
  suffixLength: 0,
  restAt: 0,
  rightAt: 0,
  valueAt: 0,
  nextAt: 0,
  nextShared: 0,
  nextSuffixAt: 0,
  nextSuffixLength: 0,
  nextRestAt: 0,
  leftAt: 0,
  endAt: 0,
  sharedBefore: 0,
  sharedAfter: 0,
});

const nothing = 0xf6;
const slash = 0x2f;
const maxKeyLength = 1_024;
/** 'd8 2a 58 25 00' and 36 bytes of CID, of which the last 32 are the digest. */
const linkLength = 41;
const digestInLink = 9;
const digestInCid = 4;

const isKeyCharacter = new Uint8Array(256);
for (const character of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_~-:.')
  isKeyCharacter[character.charCodeAt(0)] = 1;

// what the functions below share: they run to their end, one after another
let at = 0;
const key = new Uint8Array(maxKeyLength);
let wanted = Buffer.alloc(0);
const scans: Scan[] = [];
let scratch = Buffer.allocUnsafe(16_384);

/** Number in the head of a value of a major type, in its shortest form and below 2^16; -1 for anything else. */
function readHead(bytes: Buffer, major: number): number {
  const n = (bytes[at++] as number) - major;
  if (n >= 0 && n < 24) return n;
  if (n === 24) {
    const value = bytes[at++] as number;
    return value >= 24 ? value : -1;
  }
  if (n === 25) {
    const value = (bytes[at] as number) * 256 + (bytes[at + 1] as number);
    at += 2;
    return value >= 256 ? value : -1;
  }
  return -1;
}

const isName = (bytes: Buffer, letter: number): boolean => {
  const is = bytes[at] === 0x61 && bytes[at + 1] === letter;
  at += 2;
  return is;
};

function isLink(bytes: Buffer): boolean {
  const is =
    bytes[at] === 0xd8 &&
    bytes[at + 1] === 0x2a &&
    bytes[at + 2] === 0x58 &&
    bytes[at + 3] === 0x25 &&
    bytes[at + 4] === 0x00 &&
    bytes[at + 5] === 1 &&
    (bytes[at + 6] === 0x71 || bytes[at + 6] === 0x55) &&
    bytes[at + 7] === 0x12 &&
    bytes[at + 8] === 0x20;
  at += linkLength;
  return is && at <= bytes.length;
}

function isLinkOrNull(bytes: Buffer): boolean {
  if (bytes[at] !== nothing) return isLink(bytes);
  at++;
  return true;
}

/** Reads a node and finds `wanted` in it. False if anything in it is not as `parseUsualNode` would have it. */
function scan(node: Scan, bytes: Buffer): boolean {
  node.bytes = bytes;
  node.found = false;
  node.nextAt = -1;
  if (bytes[0] !== 0xa2) return false;
  at = 1;
  if (!isName(bytes, 0x65)) return false;
  const count = readHead(bytes, 0x80);
  if (count < 0) return false;
  node.count = count;
  node.index = count;
  node.entriesAt = at;
  let keyLength = 0;
  let slashAt = -1;
  let same = 0; // characters that `wanted` shares with the key
  let lastRightAt = -1;
  for (let i = 0; i < count; i++) {
    const entryAt = at;
    if (bytes[at++] !== 0xa4 || !isName(bytes, 0x6b)) return false;
    const suffixLength = readHead(bytes, 0x40);
    const suffixAt = at;
    at += suffixLength;
    if (suffixLength < 0 || at > bytes.length || !isName(bytes, 0x70)) return false;
    const shared = readHead(bytes, 0);
    const restAt = at;
    if (shared < 0 || shared > keyLength || shared + suffixLength > maxKeyLength || !isName(bytes, 0x74))
      return false;
    const rightAt = at;
    if (!isLinkOrNull(bytes) || !isName(bytes, 0x76)) return false;
    const valueAt = at + linkLength - 36;
    if (!isLink(bytes)) return false;

    // after the key before it
    let j = 0;
    while (j < suffixLength && shared + j < keyLength && bytes[suffixAt + j] === key[shared + j]) j++;
    if (j === suffixLength) return false;
    if (shared + j < keyLength && (bytes[suffixAt + j] as number) < (key[shared + j] as number)) return false;
    // of valid characters, with one slash inside
    if (shared <= slashAt) slashAt = -1;
    for (let k = 0; k < suffixLength; k++) {
      const character = bytes[suffixAt + k] as number;
      if (character === slash) {
        if (slashAt >= 0) return false;
        slashAt = shared + k;
      } else if (isKeyCharacter[character] !== 1) return false;
      key[shared + k] = character;
    }
    keyLength = shared + suffixLength;
    if (slashAt < 1 || slashAt === keyLength - 1) return false;

    if (node.index === count) {
      let m = shared < same ? shared : same;
      while (m < keyLength && m < wanted.length && key[m] === wanted[m]) m++;
      const isAfter = m < keyLength && (m === wanted.length || (key[m] as number) > (wanted[m] as number));
      node.found = m === keyLength && m === wanted.length;
      if (isAfter || node.found) {
        node.index = i;
        node.entryAt = entryAt;
        node.shared = shared;
        node.suffixAt = suffixAt;
        node.suffixLength = suffixLength;
        node.restAt = restAt;
        node.rightAt = rightAt;
        node.valueAt = valueAt;
        node.nextAt = at;
        node.leftAt = lastRightAt;
        node.sharedBefore = same;
        node.sharedAfter = m;
      } else same = m;
    } else if (i === node.index + 1) {
      node.nextShared = shared;
      node.nextSuffixAt = suffixAt;
      node.nextSuffixLength = suffixLength;
      node.nextRestAt = restAt;
    }
    lastRightAt = rightAt;
  }
  node.endAt = at;
  if (!isName(bytes, 0x6c)) return false;
  const firstAt = at;
  if (!isLinkOrNull(bytes) || at !== bytes.length) return false;
  if (node.index === count) {
    node.entryAt = node.endAt;
    node.leftAt = lastRightAt;
    node.sharedBefore = same;
  }
  if (node.index === 0) node.leftAt = firstAt;
  return true;
}

// writing: `at` is where, in `scratch`

function writeHead(major: number, n: number): void {
  if (n < 24) {
    scratch[at++] = major | n;
  } else if (n < 0x100) {
    scratch[at++] = major | 24;
    scratch[at++] = n;
  } else {
    scratch[at++] = major | 25;
    scratch[at++] = n >> 8;
    scratch[at++] = n & 0xff;
  }
}

function writeName(letter: number): void {
  scratch[at++] = 0x61;
  scratch[at++] = letter;
}

function copy(bytes: Buffer, from: number, to: number): void {
  at += bytes.copy(scratch, at, from, to);
}

function begin({ bytes }: Scan, count: number): void {
  if (scratch.length < bytes.length + 4_096) scratch = Buffer.allocUnsafe(2 * (bytes.length + 4_096));
  scratch[0] = 0xa2;
  at = 1;
  writeName(0x65);
  writeHead(0x80, count);
}

const isNull = ({ bytes }: Scan, linkAt: number): boolean => bytes[linkAt] === nothing;
const afterLink = (node: Scan, linkAt: number): number => linkAt + (isNull(node, linkAt) ? 1 : linkLength);

/** The node without the entry that was found, of whose neighbouring subtrees one at least is nothing. */
function writeWithout(node: Scan): void {
  const { bytes, count, index, entryAt, leftAt, rightAt, nextAt, endAt, shared, nextShared } = node;
  const stays = isNull(node, leftAt) ? rightAt : leftAt;
  begin(node, count - 1);
  if (index === 0) copy(bytes, node.entriesAt, entryAt);
  else {
    copy(bytes, node.entriesAt, leftAt);
    copy(bytes, stays, afterLink(node, stays));
    copy(bytes, afterLink(node, leftAt), entryAt);
  }
  if (index + 1 < count && nextShared > shared) {
    // what the next key shared with this one beyond what this one shares with the one before is now its own
    scratch[at++] = 0xa4;
    writeName(0x6b);
    writeHead(0x40, nextShared - shared + node.nextSuffixLength);
    copy(bytes, node.suffixAt, node.suffixAt + nextShared - shared);
    copy(bytes, node.nextSuffixAt, node.nextSuffixAt + node.nextSuffixLength);
    writeName(0x70);
    writeHead(0, shared);
    copy(bytes, node.nextRestAt, endAt);
  } else copy(bytes, nextAt, endAt);
  if (index > 0) {
    copy(bytes, endAt, bytes.length);
    return;
  }
  writeName(0x6c);
  copy(bytes, stays, afterLink(node, stays));
}

/** The node with the key looked for before the entry that follows on it, where there is no subtree between. */
function writeWith(node: Scan, value: CidKey): void {
  const { bytes, count, index, entryAt, endAt, sharedBefore, sharedAfter } = node;
  begin(node, count + 1);
  copy(bytes, node.entriesAt, entryAt);
  scratch[at++] = 0xa4;
  writeName(0x6b);
  writeHead(0x40, wanted.length - sharedBefore);
  copy(wanted, sharedBefore, wanted.length);
  writeName(0x70);
  writeHead(0, sharedBefore);
  writeName(0x74);
  scratch[at++] = nothing;
  writeName(0x76);
  at += scratch.write(`\xd8\x2a\x58\x25\x00${value}`, at, 'latin1');
  if (index < count) {
    const nowShared = sharedAfter - node.shared;
    scratch[at++] = 0xa4;
    writeName(0x6b);
    writeHead(0x40, node.suffixLength - nowShared);
    copy(bytes, node.suffixAt + nowShared, node.suffixAt + node.suffixLength);
    writeName(0x70);
    writeHead(0, sharedAfter);
    copy(bytes, node.restAt, endAt);
  }
  copy(bytes, endAt, bytes.length);
}

/** The node with another value for the key that was found. */
function writeReplaced(node: Scan, value: CidKey): void {
  const { bytes, valueAt } = node;
  begin(node, node.count);
  copy(bytes, node.entriesAt, valueAt);
  at += scratch.write(value, at, 'latin1');
  copy(bytes, valueAt + 36, bytes.length);
}

/** The node with another subtree, or none, where the way to the key goes on. */
function writeBelow(node: Scan, digest: string | null): void {
  const { bytes, leftAt } = node;
  begin(node, node.count);
  copy(bytes, node.entriesAt, leftAt);
  if (digest === null) scratch[at++] = nothing;
  else {
    copy(bytes, leftAt, leftAt + digestInLink);
    at += scratch.write(digest, at, 'latin1');
  }
  copy(bytes, leftAt + linkLength, bytes.length);
}

/** A real repository has under 20 layers. */
const maxDepth = 64;

/**
 * Proves what a commit's one operation says of a key, and undoes it: root of the tree as it was before. A caller that
 * finds `prevData` in it has both proofs at once. The operation: every node on the way from the root has its CID's content, and holds
 * the key with the CID that the operation claims, or proves by its order that the key is not there. That nothing else
 * changed: the tree that hashes to `prevData` is, byte by byte, this one but for the one entry.
 *
 * @returns null for whatever isn't usual, be it wrong or only rare (two subtrees to be joined or split, a root that
 * changes its layer, a node that the commit doesn't carry): `lookUp` and `invert` tell
 */
export function undoOne(
  car: CarBlocks,
  root: CidKey,
  { key: path, before, after }: KeyChange,
): CidKey | null {
  wanted = Buffer.from(path);
  if (wanted.length > maxKeyLength) return null;
  for (const character of wanted) if (isKeyCharacter[character] !== 1 && character !== slash) return null;
  let depth = 0;
  let rootLayer = -1;
  let last: Scan;
  for (let cid = root; ; depth++) {
    if (depth > maxDepth || !car.has(cid) || !car.matches(cid)) return null;
    last = scans[depth] ??= newScan();
    const bytes = car.block(cid);
    if (!scan(last, bytes)) return null;
    if (depth === 0 && before !== null && after === null) {
      if (last.count === 0) return null;
      rootLayer = layerOf(firstKey(last));
    }
    if (last.found || isNull(last, last.leftAt)) break;
    cid = bytes.toString('latin1', last.leftAt + linkLength - 36, last.leftAt + linkLength);
  }

  let gone = false; // the node that was written is one of nothing
  if (after === null) {
    if (last.found || before === null || layerOf(path) !== rootLayer - depth) return null;
    writeWith(last, before);
  } else {
    if (!last.found || last.bytes.toString('latin1', last.valueAt, last.valueAt + 36) !== after) return null;
    if (before !== null) writeReplaced(last, before);
    else {
      if (!isNull(last, last.leftAt) && !isNull(last, last.rightAt)) return null;
      if (depth === 0 && last.count === 1) return null;
      gone = last.count === 1 && isNull(last, last.leftAt) && isNull(last, last.rightAt);
      writeWithout(last);
    }
  }
  for (;;) {
    const digest = gone ? null : hash('sha256', scratch.subarray(0, at), 'binary');
    if (depth === 0) return digest === null ? null : root.slice(0, digestInCid) + digest;
    const above = scans[--depth] as Scan;
    gone = digest === null && above.count === 0;
    if (gone && depth === 0) return null;
    if (!gone) writeBelow(above, digest);
  }
}

function firstKey({ bytes, entriesAt }: Scan): string {
  at = entriesAt + 3;
  const length = readHead(bytes, 0x40);
  return bytes.toString('latin1', at, at + length);
}
