import { P256Keypair, Secp256k1Keypair, formatMultikey } from '@atproto/crypto';
import { createServiceJwt } from '@atproto/xrpc-server';
import { describe, expect, it } from 'vitest';
import { readToken } from '../../../serve/auth/claims.ts';
import { isSignedBy } from '../../../serve/auth/signature.ts';
import { signingKeyOf } from '../../../study/index.ts';
import { XrpcError } from '../../../serve/errors.ts';

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz';
const serviceDid = 'did:web:feeds.example';
const lxm = 'app.bsky.feed.getFeedSkeleton';
const nowMs = 1_795_348_618_000;
const nowS = nowMs / 1000;
const expected = { serviceDid, lxm, nowMs };

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const signature = Buffer.alloc(64, 1).toString('base64url');
const claims = { iss: did, aud: serviceDid, lxm, iat: nowS, exp: nowS + 60, jti: 'a' };
const token = (change: object = {}, header: object = {}) =>
  `${part({ typ: 'JWT', alg: 'ES256K', ...header })}.${part({ ...claims, ...change })}.${signature}`;

describe('a service token', () => {
  it.each([
    ['as Bluesky makes it', token()],
    ['for the service named with its fragment', token({ aud: `${serviceDid}#bsky_fg` })],
    ['without iat and jti', token({ iat: undefined, jti: undefined })],
    ['made by a clock that is half a minute ahead', token({ iat: nowS + 30 })],
    [
      "made by a clock that this machine's is two hours behind",
      token({ iat: nowS + 7_200, exp: nowS + 7_260 }),
    ],
    ['at its last second', token({ exp: nowS })],
  ])('%s is read', (_what, text) => {
    expect(readToken(text, expected).iss).toBe(did);
  });

  it.each([
    ['text', 'not a token', 'BadJwt'],
    ['two parts', token().split('.').slice(0, 2).join('.'), 'BadJwt'],
    ['four parts', `${token()}.x`, 'BadJwt'],
    ['an empty payload', `${part({ alg: 'ES256K' })}..${signature}`, 'BadJwt'],
    ['a payload that is a list', `${part({ alg: 'ES256K' })}.${part([])}.${signature}`, 'BadJwt'],
    ['a payload that is null', `${part({ alg: 'ES256K' })}.${part(null)}.${signature}`, 'BadJwt'],
    ['10,000 characters', token({ pad: 'x'.repeat(10_000) }), 'BadJwt'],
    ['an access token', token({}, { typ: 'at+jwt' }), 'BadJwtType'],
    ['a refresh token', token({}, { typ: 'refresh+jwt' }), 'BadJwtType'],
    ['a DPoP proof', token({}, { typ: 'DPoP+JWT' }), 'BadJwtType'],
    ['critical extensions', token({}, { crit: ['x'] }), 'BadJwt'],
    ['alg none', token({}, { alg: 'none' }), 'BadJwtSignature'],
    ['alg HS256', token({}, { alg: 'HS256' }), 'BadJwtSignature'],
    ['no issuer', token({ iss: undefined }), 'BadJwt'],
    ['a list of audiences', token({ aud: [serviceDid] }), 'BadJwt'],
    ['no expiry', token({ exp: undefined }), 'BadJwt'],
    ['an expiry that is text', token({ exp: String(nowS + 60) }), 'BadJwt'],
    ['an expiry in the past', token({ exp: nowS - 1 }), 'JwtExpired'],
    ['an expiry far away', token({ exp: nowS + 86_400 }), 'BadJwt'],
    ['an expiry far from its iat', token({ iat: nowS + 3_000, exp: nowS + 7_000 }), 'BadJwt'],
    ['an expiry far away and no iat', token({ iat: undefined, exp: nowS + 7_000 }), 'BadJwt'],
    ['an iat that is text', token({ iat: String(nowS) }), 'BadJwt'],
    ['an nbf in the future', token({ nbf: nowS + 3_000 }), 'BadJwt'],
    ['another audience', token({ aud: 'did:web:other.example' }), 'BadJwtAudience'],
    ['another service of ours', token({ aud: `${serviceDid}#atproto_labeler` }), 'BadJwtAudience'],
    ['another method', token({ lxm: 'app.bsky.feed.getTimeline' }), 'BadJwtLexiconMethod'],
    ['no method', token({ lxm: undefined }), 'BadJwtLexiconMethod'],
    ['an issuer that is no DID', token({ iss: 'alice.example' }), 'BadJwtIss'],
    ['an issuer that is a service of an account', token({ iss: `${did}#atproto_labeler` }), 'BadJwtIss'],
    ['an empty jti', token({ jti: '' }), 'BadJwt'],
    ['a jti that is a number', token({ jti: 7 }), 'BadJwt'],
    ['a short signature', token().slice(0, -4), 'BadJwtSignature'],
    ['a signature in plain base64', `${token().slice(0, -1)}+`, 'BadJwtSignature'],
  ])('with %s is refused with its own error', (_what, text, error) => {
    const read = () => readToken(text, expected);
    expect(read).toThrow(XrpcError);
    expect(read).toThrow(expect.objectContaining({ status: 401, error }));
  });
});

describe('a signature', () => {
  const orders = {
    ES256K: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
    ES256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  } as const;

  it.each([
    ['ES256K', () => Secp256k1Keypair.create()],
    ['ES256', () => P256Keypair.create()],
  ] as const)(
    'by %s as @atproto makes it holds; one bit more, another key, or its high twin does not',
    async (alg, create) => {
      const pair = await create();
      const keyOf = (keypair: Secp256k1Keypair | P256Keypair) =>
        signingKeyOf(
          {
            id: did,
            verificationMethod: [
              {
                id: '#atproto',
                type: 'Multikey',
                publicKeyMultibase: formatMultikey(keypair.jwtAlg, keypair.publicKeyBytes()),
              },
            ],
          },
          did,
        );
      const key = keyOf(pair);
      const another = keyOf(await create());
      for (let i = 0; i < 20; i++) {
        const jwt = await createServiceJwt({ iss: did, aud: serviceDid, lxm, keypair: pair });
        const read = readToken(jwt, { serviceDid, lxm, nowMs: Date.now() });
        expect(isSignedBy(read, key)).toBe(true);
        expect(isSignedBy(read, another)).toBe(false);
        expect(isSignedBy({ ...read, signed: `${read.signed}x` }, key)).toBe(false);
        const s = BigInt(`0x${read.signature.toString('hex', 32)}`);
        const twin = Buffer.from(read.signature);
        Buffer.from((orders[alg] - s).toString(16).padStart(64, '0'), 'hex').copy(twin, 32);
        expect(isSignedBy({ ...read, signature: twin }, key)).toBe(false);
      }
      for (const bytes of [Buffer.alloc(64), Buffer.alloc(64, 0xff)]) {
        const jwt = await createServiceJwt({ iss: did, aud: serviceDid, lxm, keypair: pair });
        const read = readToken(jwt, { serviceDid, lxm, nowMs: Date.now() });
        expect(isSignedBy({ ...read, signature: bytes }, key)).toBe(false);
      }
    },
  );

  it('by one curve is not taken for one by the other', async () => {
    const pair = await P256Keypair.create();
    const jwt = await createServiceJwt({ iss: did, aud: serviceDid, lxm, keypair: pair });
    const read = readToken(jwt, { serviceDid, lxm, nowMs: Date.now() });
    const k256 = await Secp256k1Keypair.create();
    const key = signingKeyOf(
      {
        id: did,
        verificationMethod: [
          {
            id: '#atproto',
            type: 'Multikey',
            publicKeyMultibase: formatMultikey(k256.jwtAlg, k256.publicKeyBytes()),
          },
        ],
      },
      did,
    );
    expect(isSignedBy(read, key)).toBe(false);
    expect(isSignedBy({ ...read, alg: 'ES256K' }, key)).toBe(false);
  });
});
