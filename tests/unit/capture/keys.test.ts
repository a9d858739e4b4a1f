import { expect, it } from 'vitest';
import { documentUrl, openSigningKeys } from '../../../extract/capture/index.ts';
import { FetchFailure } from '../../../ops/fetch/index.ts';

// a did:key of the specification's secp256k1 example
const didKey = 'did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme';
const did = (n: number): string =>
  `did:plc:${String(n)
    .padStart(24, 'a')
    .replaceAll(/[0189]/g, 'b')}`;
const never = new AbortController().signal;

it('a key is asked for once, however many ask and how often', async () => {
  let asked = 0;
  const keys = openSigningKeys({
    signal: never,
    resolve: async () => {
      asked++;
      return didKey;
    },
  });
  const answers = await Promise.all([keys.get(did(1), null), keys.get(did(1), null), keys.get(did(1), null)]);
  expect(answers.map((answer) => answer.didKey)).toEqual([didKey, didKey, didKey]);
  await keys.get(did(1), null);
  expect(asked).toBe(1);
});

it('a fresh key is one that was asked for after the moment in question', async () => {
  let now = 1_000;
  let asked = 0;
  const keys = openSigningKeys({
    signal: never,
    now: () => now,
    resolve: async () => {
      asked++;
      return didKey;
    },
  });
  await keys.get(did(1), null);
  await keys.get(did(1), 1_000); // asked for at that very moment: fresh enough
  expect(asked).toBe(1);
  now = 2_000;
  await keys.get(did(1), 1_500);
  await keys.get(did(1), 1_500);
  expect(asked).toBe(2);
});

it('an #identity event makes it ask again, and a day does', async () => {
  let now = 0;
  let asked = 0;
  const keys = openSigningKeys({
    signal: never,
    now: () => now,
    resolve: async () => {
      asked++;
      return didKey;
    },
  });
  await keys.get(did(1), null);
  keys.forget(did(1));
  await keys.get(did(1), null);
  expect(asked).toBe(2);
  now = 25 * 3_600_000;
  await keys.get(did(1), null);
  expect(asked).toBe(3);
});

it('the cache is bounded and forgets what was used longest ago', async () => {
  const asked: string[] = [];
  const keys = openSigningKeys({
    signal: never,
    maxKept: 2,
    resolve: async (which) => {
      asked.push(which);
      return didKey;
    },
  });
  for (const n of [2, 3, 2, 4, 2, 3]) await keys.get(did(n), null);
  expect(asked).toEqual([did(2), did(3), did(4), did(3)]);
});

it('while the directory is down it waits, and goes on when it is back', async () => {
  let failures = 0;
  const keys = openSigningKeys({
    signal: never,
    retryDelaysMs: [1, 1],
    resolve: async () => {
      if (failures++ < 20) throw new FetchFailure('connect ECONNREFUSED', { transient: true });
      return didKey;
    },
  });
  expect(await keys.get(did(1), null)).toMatchObject({ didKey, error: null });
});

it('one DID that the directory fails on is given up when others are answered', async () => {
  const keys = openSigningKeys({
    signal: never,
    retryDelaysMs: [1, 1],
    resolve: async (which) => {
      if (which === did(1)) throw new FetchFailure('answered 500', { transient: true, status: 500 });
      return didKey;
    },
  });
  const stuck = keys.get(did(1), null);
  const others = setInterval(() => void keys.get(did(2), Date.now()), 2);
  const answer = await stuck;
  clearInterval(others);
  expect(answer).toMatchObject({ key: null, error: 'answered 500' });
});

it('a DID that does not exist is an answer at once, and is not asked for again for a minute', async () => {
  let asked = 0;
  const keys = openSigningKeys({
    signal: never,
    resolve: async () => {
      asked++;
      throw new FetchFailure('answered 404', { transient: false, status: 404 });
    },
  });
  expect((await keys.get(did(1), null)).error).toBe('answered 404');
  await keys.get(did(1), null);
  expect(asked).toBe(1);
});

it('a DID is asked for where its method says', () => {
  const options = { plcUrl: 'https://plc.directory/', allowLoopback: false };
  expect(documentUrl(did(2), options).href).toBe(`https://plc.directory/${did(2)}`);
  expect(documentUrl('did:web:example.com', options).href).toBe('https://example.com/.well-known/did.json');
  const wrong = [
    'did:web:example.com%3A8080',
    'did:web:example.com:path',
    'did:plc:short',
    'did:key:z123',
    '',
    'x',
  ];
  for (const it of wrong) expect(() => documentUrl(it, options)).toThrow(FetchFailure);
});
