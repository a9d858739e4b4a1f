import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openEmbedder } from '../../../enrich/index.ts';
import { groupByLength } from '../../../enrich/embeddings/embedder.ts';
import { configIn, temporaryFolder } from '../../folders.ts';

describe('batches by length', () => {
  it('hold every text once, and no more tokens than the budget unless one text alone has more', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 300 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 2000 }),
        (lengths, budget) => {
          const groups = groupByLength(lengths, budget);
          expect(groups.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
          for (const group of groups) {
            const padded = group.length * Math.max(...group.map((i) => lengths[i] as number));
            expect(group.length === 1 || padded <= budget).toBe(true);
          }
        },
      ),
    );
  });

  it('put texts of like length together', () => {
    expect(groupByLength([3, 9, 3], 6)).toEqual([[0, 2], [1]]);
  });
});

describe('without weights', () => {
  it('the error names where it looked and what to do', async () => {
    const folder = temporaryFolder();
    await expect(openEmbedder(configIn(folder, { FEEDTRIAL_MODELS: folder }))).rejects.toMatchObject({
      code: 'FT_ENRICH_WEIGHTS_MISSING',
      message: expect.stringContaining(folder) as string,
      fix: expect.stringContaining('npm run setup') as string,
    });
  });
});
