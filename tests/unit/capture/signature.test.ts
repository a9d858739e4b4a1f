import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { verifyCommitSig } from '@atproto/repo';
import fc from 'fast-check';
import secp256k1 from 'secp256k1';
import { describe, expect, it } from 'vitest';
import { encode } from '@atcute/cbor';
import { hash } from 'node:crypto';
import { packDidKey, verifySignature } from '../../../extract/capture/index.ts';

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

function didKeyOf(prefix: number[], point: Uint8Array): string {
  let value = BigInt(`0x${Buffer.concat([Buffer.from(prefix), point]).toString('hex')}`);
  let text = '';
  for (; value > 0n; value /= 58n) text = alphabet[Number(value % 58n)] + text;
  return `did:key:z${text}`;
}

interface Signer {
  didKey: string;
  /** 64 bytes, low S. */
  sign(message: Uint8Array): Uint8Array;
  order: bigint;
}

function k256(): Signer {
  let secret: Uint8Array;
  do secret = randomBytes(32);
  while (!secp256k1.privateKeyVerify(secret));
  return {
    didKey: didKeyOf([0xe7, 0x01], secp256k1.publicKeyCreate(secret, true)),
    sign: (message) => secp256k1.ecdsaSign(hash('sha256', message, 'buffer'), secret).signature,
    order: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
  };
}

function p256(): Signer {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const { x, y } = publicKey.export({ format: 'jwk' });
  const even = (Buffer.from(y as string, 'base64url').at(-1) as number) % 2 === 0;
  const point = Buffer.concat([Buffer.from([even ? 2 : 3]), Buffer.from(x as string, 'base64url')]);
  return {
    didKey: didKeyOf([0x80, 0x24], point),
    order,
    sign(message) {
      const signature = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      const s = BigInt(`0x${signature.subarray(32).toString('hex')}`);
      return s > order / 2n ? withS(signature, order - s) : signature;
    },
  };
}

const withS = (signature: Uint8Array, s: bigint): Uint8Array =>
  Buffer.concat([signature.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]);

describe.each([
  ['secp256k1', k256],
  ['P-256', p256],
])('signatures of %s', (_, create) => {
  const signer = create();
  const other = create();

  it('are taken from their key only, over their message only, with a low S only; the reference agrees', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.nat(63), async (text, at) => {
        const commit = { text };
        const message = encode(commit);
        const good = signer.sign(message);
        const highS = withS(
          good,
          signer.order - BigInt(`0x${Buffer.from(good.subarray(32)).toString('hex')}`),
        );
        const flipped = Uint8Array.from(good, (byte, i) => (i === at ? byte ^ 1 : byte));
        const cases: [string, Uint8Array, boolean][] = [
          [signer.didKey, good, true],
          [signer.didKey, highS, false],
          [signer.didKey, flipped, false],
          [other.didKey, good, false],
        ];
        for (const [didKey, sig, valid] of cases) {
          expect(verifySignature(packDidKey(didKey), message, sig)).toBe(valid);
          const reference = verifyCommitSig({ ...commit, sig } as never, didKey).catch(() => false);
          expect(await reference).toBe(valid);
        }
        expect(verifySignature(packDidKey(signer.didKey), message, good.subarray(0, 63))).toBe(false);
      }),
      { numRuns: 25 },
    );
  });
});

it('keys of other kinds are refused', () => {
  const ed25519 = 'did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK';
  for (const wrong of [ed25519, 'did:key:zQ3sh', 'did:key:f00', 'did:plc:abc', 'did:key:z0OIl'])
    expect(() => packDidKey(wrong)).toThrow();
});
