import { Secp256k1Keypair, formatMultikey } from '@atproto/crypto';
import { describe, expect, it } from 'vitest';
import { openKeys } from '../../../serve/auth/keys.ts';
import { openReplays } from '../../../serve/auth/replays.ts';
import { FetchError } from '../../../study/index.ts';

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz';
const document = async (of = did) => {
  const pair = await Secp256k1Keypair.create();
  const publicKeyMultibase = formatMultikey(pair.jwtAlg, pair.publicKeyBytes());
  return { id: of, verificationMethod: [{ id: '#atproto', type: 'Multikey', publicKeyMultibase }] };
};

describe('keys of accounts', () => {
  it('are asked once by many requests at once, then not again for an hour', async () => {
    let asked = 0;
    let nowMs = 0;
    const doc = await document();
    const keys = openKeys({
      now: () => nowMs,
      resolve: async () => {
        asked++;
        return doc;
      },
    });
    const answers = await Promise.all(Array.from({ length: 50 }, async () => keys.get(did)));
    expect(new Set(answers.map((a) => a.kind))).toEqual(new Set(['key']));
    nowMs = 3_599_000;
    await keys.get(did);
    expect(asked).toBe(1);
    nowMs = 3_601_000;
    await keys.get(did);
    expect(asked).toBe(2);
  });

  it('that are known stay in use while nobody answers', async () => {
    let down = false;
    let nowMs = 0;
    const doc = await document();
    const keys = openKeys({
      now: () => nowMs,
      resolve: async () => {
        if (down) throw new FetchError('unreachable', 'down');
        return doc;
      },
    });
    expect((await keys.get(did)).kind).toBe('key');
    down = true;
    nowMs = 7_200_000;
    expect((await keys.get(did)).kind).toBe('key');
    expect((await keys.refresh(did)).kind).toBe('key');
  });

  it('that can not be asked are told apart from those that are not there', async () => {
    const failing = (failure: 'missing' | 'unreachable' | 'refused') =>
      openKeys({ resolve: () => Promise.reject(new FetchError(failure, failure)) }).get(did);
    expect((await failing('unreachable')).kind).toBe('down');
    expect((await failing('refused')).kind).toBe('down');
    expect((await failing('missing')).kind).toBe('none');
    expect((await openKeys({ resolve: async () => ({ id: did }) }).get(did)).kind).toBe('none');
  });

  it('are asked anew at most six times a minute, however many forged tokens come', async () => {
    let asked = 0;
    let nowMs = 0;
    const doc = await document();
    const keys = openKeys({
      now: () => nowMs,
      resolve: async () => {
        asked++;
        return doc;
      },
    });
    await keys.get(did);
    for (let i = 0; i < 100; i++) await keys.refresh(did);
    expect(asked).toBe(7);
    nowMs = 61_000;
    await keys.refresh(did);
    expect(asked).toBe(8);
  });

  it('are remembered for a bounded number of accounts, the longest unused forgotten first', async () => {
    const asked: string[] = [];
    const keys = openKeys({
      maxAccounts: 3,
      resolve: async (name) => {
        asked.push(name);
        return document(name);
      },
    });
    for (const name of ['did:a', 'did:b', 'did:c', 'did:a', 'did:d', 'did:a', 'did:b']) await keys.get(name);
    expect(keys.size).toBe(3);
    expect(asked).toEqual(['did:a', 'did:b', 'did:c', 'did:d', 'did:b']);
  });
});

describe('used tokens', () => {
  it('are remembered by issuer and id until they expire', () => {
    let nowMs = 0;
    const replays = openReplays(() => nowMs);
    expect(replays.seen('a', 'x', 60)).toBe(false);
    expect(replays.seen('a', 'x', 60)).toBe(true);
    expect(replays.seen('b', 'x', 60)).toBe(false);
    nowMs = 61_000;
    expect(replays.seen('a', 'x', 120)).toBe(false);
  });

  it('are forgotten, oldest first, beyond a bound', () => {
    const replays = openReplays(() => 0, 2);
    for (const jti of ['x', 'y', 'z']) replays.seen('a', jti, 60);
    expect(replays.size).toBe(2);
    expect(replays.seen('a', 'z', 60)).toBe(true);
    expect(replays.seen('a', 'x', 60)).toBe(false);
  });
});
