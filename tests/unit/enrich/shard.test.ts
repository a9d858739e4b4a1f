import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseShard } from '../../../enrich/index.ts';
import { shardPredicate } from '../../../enrich/shard.ts';
import { openEngine, sqlText } from '../../../lake/index.ts';

describe('shards', () => {
  it('put every post on exactly one of any number of machines', async () => {
    const engine = await openEngine();
    onTestFinished(() => engine.close());
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(
          fc.string({ unit: 'binary', minLength: 1 }).filter((s) => !s.includes('\0')),
          {
            minLength: 1,
            maxLength: 30,
          },
        ),
        fc.integer({ min: 1, max: 12 }),
        async (uris, count) => {
          const values = uris.map((uri) => `(${sqlText(uri.toWellFormed())})`).join(', ');
          const membership = Array.from(
            { length: count },
            (_, i) => `CAST(${shardPredicate({ index: i + 1, count }, 'uri')} AS INTEGER)`,
          ).join(' + ');
          const rows = await engine.rows<{ shards: number }>(
            `SELECT ${membership} AS shards FROM (VALUES ${values}) AS posts (uri)`,
          );
          expect(rows.map(({ shards }) => shards)).toEqual(uris.map(() => 1));
        },
      ),
      { numRuns: 20 },
    );
  });

  it('share real URIs out evenly', async () => {
    const engine = await openEngine();
    onTestFinished(() => engine.close());
    const [row] = await engine.rows<{ posts: bigint }>(
      `SELECT count(*) AS posts FROM (SELECT 'at://did:plc:a/app.bsky.feed.post/' || range AS uri FROM range(10000))
       WHERE ${shardPredicate({ index: 2, count: 4 }, 'uri')}`,
    );
    expect(Number(row?.posts)).toBeGreaterThan(2300);
    expect(Number(row?.posts)).toBeLessThan(2700);
  });

  it.each(['0/4', '5/4', '1/0', '1', 'a/b', '1/4/2', '-1/4', ''])('refuse %j with usage', (text) => {
    expect(() => parseShard(text)).toThrow(expect.objectContaining({ code: 'FT_ENRICH_SHARD', exitCode: 2 }));
  });

  it('count from one', () => {
    expect(parseShard('1/4')).toEqual({ index: 1, count: 4 });
    expect(parseShard('4/4')).toEqual({ index: 4, count: 4 });
  });
});
