import fc from 'fast-check';
import { expect, it } from 'vitest';
import { tidMicroseconds, witnessTime } from '../../../extract/backfill/index.ts';
import { tidOf } from '../../network/populate.ts';

it('a TID says the microsecond that it was made of', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 53 - 1 }), fc.integer({ min: 0, max: 1_023 }), (us, clock) => {
      expect(tidMicroseconds(tidOf(us, clock))).toBe(us);
    }),
  );
});

it.each(['self', '', '3l5abcdefgh2', '3L5ABCDEFGH2C', 'zzzzzzzzzzzzz', '3l5abcdefgh21'])(
  "'%s' is none",
  (text) => {
    expect(tidMicroseconds(text)).toBeNull();
  },
);

const at = (text: string): number => Date.parse(text) * 1000;
const fetched = at('2026-07-04T12:00:00Z');
const key = at('2025-01-01T00:00:00Z');
const rev = at('2026-07-04T11:00:00Z');

it.each([
  ['the time in its key', tidOf(key), tidOf(rev), key],
  ['that of the revision, where its key has none', 'self', tidOf(rev), rev],
  ['that of the revision, where its key lies in the future', tidOf(fetched + 1), tidOf(rev), rev],
  ['that of the revision, where its key is older than the network', tidOf(5), tidOf(rev), rev],
  ['when it was fetched, where neither can be', tidOf(fetched + 1), tidOf(fetched + 2), fetched],
])('a record of a repository was witnessed at %s', (_, rkey, revision, expected) => {
  expect(witnessTime(rkey, revision, fetched)).toBe(expected);
});
