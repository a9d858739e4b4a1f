import { ECDH, createPublicKey, type KeyObject } from 'node:crypto';
import secp256k1 from 'secp256k1';

/** Public key that an account signs with. */
export type SigningKey =
  { alg: 'ES256K'; /** uncompressed, 65 bytes */ point: Uint8Array } | { alg: 'ES256'; key: KeyObject };

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** @throws Error for a character that is not of base58btc */
function base58(text: string): Uint8Array {
  let value = 0n;
  for (const character of text) {
    const digit = alphabet.indexOf(character);
    if (digit === -1) throw new Error('not base58btc');
    value = value * 58n + BigInt(digit);
  }
  const zeros = /^1*/.exec(text)?.[0].length ?? 0;
  const hex = value === 0n ? '' : value.toString(16);
  return Buffer.concat([Buffer.alloc(zeros), Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex')]);
}

function k256(bytes: Uint8Array): SigningKey {
  return { alg: 'ES256K', point: secp256k1.publicKeyConvert(bytes, false) };
}

function p256(bytes: Uint8Array): SigningKey {
  const point = ECDH.convertKey(bytes, 'prime256v1', undefined, undefined, 'uncompressed') as Buffer;
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  };
  return { alg: 'ES256', key: createPublicKey({ key: jwk, format: 'jwk' }) };
}

/**
 * The `#atproto` key of a DID document: a Multikey, or one of the two older kinds that hold the bare point.
 * @throws Error where the document is not of this DID or has no such key
 */
export function signingKeyOf(document: unknown, did: string): SigningKey {
  if (typeof document !== 'object' || document === null) throw new Error('the document is not an object');
  const { id, verificationMethod } = document as { id?: unknown; verificationMethod?: unknown };
  if (id !== did) throw new Error('the document is of another DID');
  if (!Array.isArray(verificationMethod)) throw new Error('the document has no keys');
  for (const method of verificationMethod as Record<string, unknown>[]) {
    if (method?.id !== '#atproto' && method?.id !== `${did}#atproto`) continue;
    const { type, publicKeyMultibase: multibase } = method;
    if (typeof multibase !== 'string' || !multibase.startsWith('z') || multibase.length > 150)
      throw new Error('the key is not in base58btc');
    const bytes = base58(multibase.slice(1));
    if (type === 'EcdsaSecp256k1VerificationKey2019') return k256(bytes);
    if (type === 'EcdsaSecp256r1VerificationKey2019') return p256(bytes);
    if (type === 'Multikey' && bytes[0] === 0xe7 && bytes[1] === 0x01) return k256(bytes.subarray(2));
    if (type === 'Multikey' && bytes[0] === 0x80 && bytes[1] === 0x24) return p256(bytes.subarray(2));
    throw new Error('the key is of a kind that accounts do not have');
  }
  throw new Error('the document has no #atproto key');
}
