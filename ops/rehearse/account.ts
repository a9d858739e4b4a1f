import { createECDH, createPrivateKey, hash, sign as signEcdsa } from 'node:crypto';
import secp256k1 from 'secp256k1';

/** Who an account is to the network, and its signing key. */
export interface Identity {
  did: string;
  handle: string;
  /** The DID document that a directory gives. */
  document: Record<string, unknown>;
  /** Signature (64 bytes, low S) over the SHA-256 of the bytes. */
  sign(bytes: Uint8Array): Uint8Array;
}

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

function multibase(prefix: [number, number], point: Uint8Array): string {
  let value = BigInt(`0x${Buffer.concat([Uint8Array.from(prefix), point]).toString('hex')}`);
  let text = '';
  for (; value > 0n; value /= 58n) text = (base58[Number(value % 58n)] as string) + text;
  return `z${text}`;
}

const base32 = 'abcdefghijklmnopqrstuvwxyz234567';

const p256Order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** S and -S both verify; atproto takes the lower one only. */
function lowS(signature: Buffer): Uint8Array {
  const s = BigInt(`0x${signature.toString('hex', 32)}`);
  if (s <= p256Order / 2n) return signature;
  return Buffer.concat([
    signature.subarray(0, 32),
    Buffer.from((p256Order - s).toString(16).padStart(64, '0'), 'hex'),
  ]);
}

/**
 * The n-th account of a seed. Signatures by secp256k1 are the same each time; those by P-256 are not, because node:crypto
 * draws their nonce.
 */
export function makeIdentity(seed: string, n: number, curve: 'k256' | 'p256'): Identity {
  const secret = hash('sha256', `${seed}/account/${n}/key`, 'buffer');
  const name = hash('sha256', `${seed}/account/${n}/did`, 'buffer');
  const did = `did:plc:${Array.from({ length: 24 }, (_, i) => base32[(name[i] as number) & 31]).join('')}`;
  const handle = `account-${n}.rehearsal.test`;
  let key: string;
  let sign: Identity['sign'];
  if (curve === 'k256') {
    key = multibase([0xe7, 0x01], secp256k1.publicKeyCreate(secret, true));
    sign = (bytes) => secp256k1.ecdsaSign(hash('sha256', bytes, 'buffer'), secret).signature;
  } else {
    const ecdh = createECDH('prime256v1');
    ecdh.setPrivateKey(secret);
    const point = ecdh.getPublicKey();
    key = multibase([0x80, 0x24], ecdh.getPublicKey(null, 'compressed'));
    const part = (from: number) => point.subarray(from, from + 32).toString('base64url');
    const jwk = { kty: 'EC', crv: 'P-256', x: part(1), y: part(33), d: secret.toString('base64url') };
    const privateKey = createPrivateKey({ format: 'jwk', key: jwk });
    sign = (bytes) => lowS(signEcdsa('sha256', bytes, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
  }
  return {
    did,
    handle,
    sign,
    document: {
      '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
      id: did,
      alsoKnownAs: [`at://${handle}`],
      verificationMethod: [
        { id: `${did}#atproto`, type: 'Multikey', controller: did, publicKeyMultibase: key },
      ],
      service: [
        { id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: 'http://127.0.0.1:1' },
      ],
    },
  };
}
