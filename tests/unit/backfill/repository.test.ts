import { getAndParseRecord, verifyRepoCar } from '@atproto/repo';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cidText, packDidKey, recordJson } from '../../../extract/capture/index.ts';
import { layerOf, readCar, verifyRepository, walkTree } from '../../../extract/backfill/index.ts';
import { makeRepository } from '../../backfill-repositories.ts';

const pieces = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));

const verify = async (car: Buffer, did: string, didKey: string, spillBytes?: number) => {
  const blocks = await readCar(pieces(car, 10_007), spillBytes === undefined ? {} : { spillBytes });
  try {
    const verified = await verifyRepository(blocks, did, packDidKey(didKey));
    const records = new Map<string, { cid: string; json: string }>();
    for (const { path, cid } of walkTree(blocks, verified.data))
      records.set(path, { cid: cidText(cid), json: recordJson(blocks, cid, path) });
    return { ...verified, found: records };
  } finally {
    blocks.close();
  }
};

describe('a repository from its CAR', () => {
  it.each([0, 1, 2, 37, 1_500])('of %i records gives what the reference gives', async (count) => {
    const made = await makeRepository(count);
    const ours = await verify(made.car, made.did, made.signingKey);
    const reference = await verifyRepoCar(made.car, made.did, made.signingKey);
    expect(ours.rev).toBe(reference.commit.rev);
    expect(ours.records).toBe(count);
    expect([...ours.found].map(([path, { cid }]) => [path, cid])).toEqual(
      reference.creates
        .map(({ collection, rkey, cid }) => [`${collection}/${rkey}`, cid.toString()])
        .sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
    );
    for (const { collection, rkey, cid } of reference.creates) {
      const { record } = await getAndParseRecord(made.blocks, cid);
      expect(JSON.parse(ours.found.get(`${collection}/${rkey}`)?.json ?? '')).toEqual(
        JSON.parse(JSON.stringify(record)),
      );
    }
  });

  it('reads the same from a file as from memory, however it is cut up', async () => {
    const made = await makeRepository(700);
    const whole = await verify(made.car, made.did, made.signingKey);
    const spilled = await verify(made.car, made.did, made.signingKey, 10_000);
    expect(spilled).toEqual(whole);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5_000 }), async (size) => {
        const blocks = await readCar(pieces(made.car.subarray(0), size), { spillBytes: 20_000 });
        expect((await verifyRepository(blocks, made.did, packDidKey(made.signingKey))).records).toBe(700);
        blocks.close();
      }),
      { numRuns: 8 },
    );
  });

  it('finds any byte that was flipped, wherever it is', async () => {
    const made = await makeRepository(120);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: made.car.length - 1 }),
        fc.integer({ min: 0, max: 7 }),
        async (at, bit) => {
          const car = Buffer.from(made.car);
          car[at] = (car[at] as number) ^ (1 << bit);
          await expect(verify(car, made.did, made.signingKey)).rejects.toThrow();
        },
      ),
      { numRuns: 300 },
    );
  });

  it('finds any end that was cut off', async () => {
    const made = await makeRepository(60);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: made.car.length - 1 }), async (length) => {
        await expect(verify(made.car.subarray(0, length), made.did, made.signingKey)).rejects.toThrow();
      }),
      { numRuns: 200 },
    );
  });

  it('is refused under another key, and under another name', async () => {
    const made = await makeRepository(5);
    const other = await makeRepository(5);
    await expect(verify(made.car, made.did, other.signingKey)).rejects.toMatchObject({
      reason: 'bad_signature',
    });
    await expect(verify(made.car, `${made.did.slice(0, -1)}b`, made.signingKey)).rejects.toMatchObject({
      reason: 'bad_signature',
    });
  });

  it('is given up where it is too long', async () => {
    const made = await makeRepository(50);
    await expect(readCar([made.car], { maxBytes: 5_000 })).rejects.toMatchObject({ reason: 'too_big' });
  });
});

describe('the layer of a key', () => {
  // from the atproto repository specification
  it.each([
    ['2653ae71', 0],
    ['blue', 1],
    ['app.bsky.feed.post/454397e440ec', 4],
    ['app.bsky.feed.post/9adeb165882c', 8],
  ])('%s is %i', (key, layer) => {
    expect(layerOf(key)).toBe(layer);
  });
});
