import { hash, verify } from 'node:crypto';
import secp256k1 from 'secp256k1';
import type { SigningKey } from '../../study/index.ts';
import type { ServiceToken } from './claims.ts';

// Half the order of P-256: like secp256k1's, its signatures come in pairs, and AT Protocol takes only the low one.
const halfOrderP256 = Buffer.from('7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8', 'hex');

/** Whether the key's owner signed the token. A high-S signature is refused for either curve. */
export function isSignedBy(token: ServiceToken, key: SigningKey): boolean {
  if (token.alg !== key.alg) return false;
  const { signature } = token;
  if (key.alg === 'ES256K') {
    const digest = hash('sha256', token.signed, 'buffer');
    try {
      return secp256k1.ecdsaVerify(signature, digest, key.point); // libsecp256k1 refuses high S by itself
    } catch {
      return false; // r or s is not a number below the order
    }
  }
  if (Buffer.compare(signature.subarray(32), halfOrderP256) > 0) return false;
  return verify('sha256', Buffer.from(token.signed), { key: key.key, dsaEncoding: 'ieee-p1363' }, signature);
}
