import fc from 'fast-check';
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import {
  decodeServing,
  encodeServing,
  formatCurrentGeneration,
  openLake,
  openServing,
  readCurrentGeneration,
  servingPath,
  type ServingFile,
} from '../../../lake/index.ts';
import { temporaryFolder } from '../../folders.ts';

const servingFile = fc
  .record({
    generation: fc.string({ unit: 'grapheme' }),
    uris: fc.uniqueArray(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 30 }),
    names: fc.uniqueArray(fc.string({ unit: 'grapheme', maxLength: 12 }), { maxLength: 12 }),
  })
  .chain(({ generation, uris, names }) =>
    fc
      .tuple(
        ...names.map((participantId) =>
          fc.record({
            participantId: fc.constant(participantId),
            arm: fc.constantFrom('treatment', 'engagement', 'default', ''),
            policy: fc.constantFrom('treatment', 'engagement'),
            policyVersion: fc.constantFrom('1', '2024'),
            positions:
              uris.length === 0
                ? fc.constant(new Uint32Array())
                : fc.array(fc.nat(uris.length - 1), { maxLength: 40 }).map((list) => Uint32Array.from(list)),
          }),
        ),
      )
      .map((feeds): ServingFile => ({ generation, uris, feeds })),
  );

describe('the serving file', () => {
  it('gives back every generation that was put in', () => {
    fc.assert(
      fc.property(servingFile, (file) => {
        const decoded = decodeServing(encodeServing(file));
        expect(decoded.generation).toBe(file.generation);
        expect(decoded.feeds.map((feed) => ({ ...feed, positions: [...feed.positions] }))).toEqual(
          file.feeds.map((feed) => ({ ...feed, positions: [...feed.positions] })),
        );
        // URIs are read through the posts column, which a file without feeds still has
        expect(decoded.uris).toEqual(file.uris);
      }),
      { numRuns: 200 },
    );
  });

  it('has the same bytes for the same feeds, so that a replay can be compared byte for byte', () => {
    fc.assert(
      fc.property(servingFile, (file) => {
        expect(Buffer.compare(encodeServing(file), encodeServing(structuredClone(file)))).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it('reads as lists of URIs in any Arrow tool', () => {
    const bytes = encodeServing({
      generation: 'g1',
      uris: ['at://a/app.bsky.feed.post/1', 'at://b/app.bsky.feed.post/2'],
      feeds: [
        {
          participantId: 'p1',
          arm: 'treatment',
          policy: 'treatment',
          policyVersion: '1',
          positions: Uint32Array.of(1, 0),
        },
      ],
    });
    const row = tableFromIPC(bytes).get(0)?.toJSON() as {
      participant_id: string;
      arm: string;
      posts: unknown;
    };
    expect(row.participant_id).toBe('p1');
    expect(row.arm).toBe('treatment');
    expect([...(row.posts as Iterable<string>)]).toEqual([
      'at://b/app.bsky.feed.post/2',
      'at://a/app.bsky.feed.post/1',
    ]);
  });

  it('keeps one copy of the positions and of the URIs, whatever the number of feeds', () => {
    const uris = Array.from({ length: 1000 }, (_, i) => `at://did:plc:author/app.bsky.feed.post/${i}`);
    const feeds = Array.from({ length: 500 }, (_, i) => ({
      participantId: `p${i}`,
      arm: 'engagement',
      policy: 'engagement',
      policyVersion: '1',
      positions: Uint32Array.from({ length: 100 }, (_, p) => (i * 7 + p) % uris.length),
    }));
    const bytes = encodeServing({ generation: 'g', uris, feeds });
    expect(bytes.length).toBeLessThan(500 * 100 * 4 + uris.join('').length + 60_000);
    const first = openServing(bytes).feed('p0')?.positions;
    const second = openServing(bytes).feed('p0')?.positions;
    expect(first?.buffer).toBe(second?.buffer); // views on the file's own bytes, not copies
  });

  it('refuses feeds that it could not give back', () => {
    const feed = { participantId: 'p', arm: 'a', policy: 'a', policyVersion: '1' };
    expect(() =>
      encodeServing({ generation: 'g', uris: ['u'], feeds: [{ ...feed, positions: Uint32Array.of(1) }] }),
    ).toThrow(/post 1 of 1/);
    expect(() =>
      encodeServing({
        generation: 'g',
        uris: [],
        feeds: [
          { ...feed, positions: new Uint32Array() },
          { ...feed, positions: new Uint32Array() },
        ],
      }),
    ).toThrow(/two feeds/);
  });

  it('names a damaged file as one', () => {
    const whole = encodeServing({ generation: 'g', uris: [], feeds: [] });
    for (const bytes of [new Uint8Array(), Buffer.from('not arrow at all'), whole.subarray(0, 40)])
      expect(() => openServing(bytes)).toThrow(
        expect.objectContaining({ code: 'FT_LAKE_SERVING_MALFORMED' }),
      );
  });
});

describe('the pointer to the generation in force', () => {
  it('is null before the first, then what was published', async () => {
    const lake = openLake(temporaryFolder());
    expect(await readCurrentGeneration(lake)).toBeNull();
    const current = {
      generation: 'g1',
      published_us: 1_700_000_000_000_000,
      as_of_us: 1_700_000_000_000_000,
      feeds: 3,
      positions: 300,
      serving: servingPath('g1'),
    };
    await lake.swap('feeds/current.json', null, formatCurrentGeneration(current));
    expect(await readCurrentGeneration(lake)).toEqual(current);
  });

  it('says what is wrong with a pointer that is not one', async () => {
    const lake = openLake(temporaryFolder());
    await lake.write('feeds/current.json', '{"generation": 7}');
    await expect(readCurrentGeneration(lake)).rejects.toThrow(/FT_LAKE_CURRENT|generation/);
    await lake.write('feeds/current.json', 'half a li');
    await expect(readCurrentGeneration(lake)).rejects.toMatchObject({ code: 'FT_LAKE_CURRENT_MALFORMED' });
  });
});
