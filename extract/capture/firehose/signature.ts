import { ECDH, createPublicKey, hash, verify, type KeyObject } from 'node:crypto';
import secp256k1 from 'secp256k1';

/** Curve byte and uncompressed point: 66 bytes, so that keys cross to workers in one buffer. */
export type PackedKey = Uint8Array;

export const packedKeyLength = 66;
const k256 = 1;
const p256 = 2;

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

function decodeBase58(text: string): Buffer {
  let value = 0n;
  for (const character of text) {
    const digit = base58.indexOf(character);
    if (digit === -1) throw new Error(`'${character}' is not base58`);
    value = value * 58n + BigInt(digit);
  }
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex');
}

/**
 * A `did:key` of secp256k1 or P-256, its point uncompressed (libsecp256k1 parses those without a square root).
 * @throws Error for any other key
 */
export function packDidKey(didKey: string): PackedKey {
  if (!didKey.startsWith('did:key:z')) throw new Error(`'${didKey}' is not a did:key in base58`);
  const bytes = decodeBase58(didKey.slice('did:key:z'.length));
  const packed = new Uint8Array(packedKeyLength);
  const point = bytes.subarray(2);
  if (bytes[0] === 0xe7 && bytes[1] === 0x01) {
    packed[0] = k256;
    packed.set(secp256k1.publicKeyConvert(point, false), 1);
  } else if (bytes[0] === 0x80 && bytes[1] === 0x24) {
    packed[0] = p256;
    packed.set(
      ECDH.convertKey(point, 'prime256v1', undefined, undefined, 'uncompressed') as unknown as Buffer,
      1,
    );
  } else {
    throw new Error(`'${didKey}' is of a curve that atproto does not use`);
  }
  return packed;
}

// Half of P-256's order: node:crypto takes a high S, atproto does not. libsecp256k1 refuses it by itself.
const p256HalfOrder = Buffer.from('7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8', 'hex');

const p256Keys = new Map<string, KeyObject>();
const p256KeysKept = 10_000;

function p256Key(point: Uint8Array): KeyObject {
  const id = Buffer.from(point).toString('latin1');
  let key = p256Keys.get(id);
  if (key === undefined) {
    const coordinate = (from: number) => Buffer.from(point.subarray(from, from + 32)).toString('base64url');
    key = createPublicKey({
      format: 'jwk',
      key: { kty: 'EC', crv: 'P-256', x: coordinate(1), y: coordinate(33) },
    });
    if (p256Keys.size >= p256KeysKept) p256Keys.delete(p256Keys.keys().next().value as string);
    p256Keys.set(id, key);
  }
  return key;
}

/** True if `signature` (64 bytes, low S) is the key's over the SHA-256 of `message`. Malformed input is false. */
export function verifySignature(key: PackedKey, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  const point = key.subarray(1);
  try {
    if (key[0] === k256) return secp256k1.ecdsaVerify(signature, hash('sha256', message, 'buffer'), point);
    if (Buffer.compare(signature.subarray(32), p256HalfOrder) > 0) return false;
    return verify('sha256', message, { key: p256Key(point), dsaEncoding: 'ieee-p1363' }, signature);
  } catch {
    return false;
  }
}
