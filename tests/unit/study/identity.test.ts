import { P256Keypair, Secp256k1Keypair, formatMultikey } from '@atproto/crypto';
import { describe, expect, it } from 'vitest';
import { isAccountDid, maskDid, signingKeyOf } from '../../../study/index.ts';
import { requireHandle } from '../../../study/identity/names.ts';

describe('an account DID', () => {
  it.each(['did:plc:ewvi7nxzyoun6zhxrhs64oiz', 'did:web:example.com', 'did:web:a.b-c.example'])(
    '%s',
    (did) => {
      expect(isAccountDid(did)).toBe(true);
    },
  );

  it.each([
    '',
    'did:plc:',
    'did:plc:ewvi7nxzyoun6zhxrhs64oi',
    'did:plc:EWVI7NXZYOUN6ZHXRHS64OIZ',
    'did:plc:ewvi7nxzyoun6zhxrhs64oi1',
    'did:plc:ewvi7nxzyoun6zhxrhs64oiz#atproto',
    'did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme',
    'did:web:127.0.0.1',
    'did:web:10.0.0.1',
    'did:web:localhost',
    'did:web:localhost%3A3000',
    'did:web:intranet',
    'did:web:example.com%3A8080',
    'did:web:example.com:path',
    'did:web:example.com/../..',
    'did:web:[::1]',
    'did:web:0x7f000001',
    'did:web:a@example.com',
  ])('is not %j', (did) => {
    expect(isAccountDid(did)).toBe(false);
  });

  it('may be a loopback did:web where the configuration allows loopback, and nothing more', () => {
    expect(isAccountDid('did:web:localhost%3A3000', true)).toBe(true);
    expect(isAccountDid('did:web:127.0.0.1', true)).toBe(false);
  });

  it('is shown without what would let someone look it up', () => {
    expect(maskDid('did:plc:ewvi7nxzyoun6zhxrhs64oiz')).toBe('did:plc:ew…iz');
  });
});

it('takes handles as people write them and refuses what is none', () => {
  expect(requireHandle(' @Name.Example.COM ')).toBe('name.example.com');
  for (const bad of ['', 'name', 'a b.example', 'name.123', '-a.example', 'did:plc:x'])
    expect(() => requireHandle(bad)).toThrow(expect.objectContaining({ code: 'FT_STUDY_HANDLE' }));
});

describe("an account's signing key", () => {
  const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz';
  const document = (method: object) => ({ id: did, verificationMethod: [{ id: '#other' }, method] });

  it('is read from a Multikey of either curve', async () => {
    for (const [pair, alg] of [
      [await Secp256k1Keypair.create(), 'ES256K'],
      [await P256Keypair.create(), 'ES256'],
    ] as const) {
      const publicKeyMultibase = formatMultikey(pair.jwtAlg, pair.publicKeyBytes());
      for (const id of ['#atproto', `${did}#atproto`])
        expect(signingKeyOf(document({ id, type: 'Multikey', publicKeyMultibase }), did).alg).toBe(alg);
    }
  });

  it.each([
    ['no document', null],
    ['another DID', { id: 'did:plc:zzzzzzzzzzzzzzzzzzzzzzzz', verificationMethod: [] }],
    ['no keys', { id: did }],
    ['only another key', document({ id: '#atproto_label', type: 'Multikey', publicKeyMultibase: 'zQ3s' })],
    [
      'a key that is no point',
      document({ id: '#atproto', type: 'Multikey', publicKeyMultibase: 'zQ3shokFTS3' }),
    ],
    ['another base', document({ id: '#atproto', type: 'Multikey', publicKeyMultibase: 'uAQID' })],
    [
      'an Ed25519 key',
      document({
        id: '#atproto',
        type: 'Multikey',
        publicKeyMultibase: 'z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK',
      }),
    ],
  ])('is not made up from %s', (_what, value) => {
    expect(() => signingKeyOf(value, did)).toThrow();
  });
});
