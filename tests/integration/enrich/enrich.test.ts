import { describe, expect, it } from 'vitest';
import { enrich, labelers } from '../../../enrich/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { publishQueue, storedEmbeddings, storedLabels, type QueueRow } from './queue.ts';

const texts: Record<string, string> = {
  civil: 'Thank you for explaining this so patiently, I learned a lot from your thread.',
  heated: 'You are a stupid, disgusting idiot and everyone hates your garbage opinions.',
  german: 'Heute scheint endlich wieder die Sonne und wir gehen im Park spazieren.',
  politics: 'The senate votes tomorrow on the bill that would expand voting rights and health care.',
  cooking: 'I baked two loaves of sourdough this morning and the kitchen smells wonderful.',
};

async function queueFor(
  names: readonly string[],
  config: Parameters<typeof publishQueue>[0],
): Promise<QueueRow[]> {
  const rows: QueueRow[] = [];
  for (const labeler of labelers.filter((one) => names.includes(one.name))) {
    const version = await labeler.version(config);
    for (const [name, text] of Object.entries(texts))
      rows.push({
        labeler: labeler.name,
        version,
        uri: `at://did:plc:author/app.bsky.feed.post/${name}`,
        text,
      });
  }
  return rows;
}

describe('every labeler of the project', () => {
  it('labels a real queue with real weights, with provenance on every row', async () => {
    const config = configIn(temporaryFolder());
    // the others need a key, or a student that somebody trained
    const names = labelers
      .filter((labeler) => (labeler.notReady?.(config) ?? null) === null)
      .map((labeler) => labeler.name);
    const publishId = await publishQueue(config, await queueFor(names, config));
    const summary = await enrich({ config, runId: 'run-1' });

    expect(summary.publishId).toBe(publishId);
    expect(summary.status).toBe('done');
    expect(summary.labelers.map(({ labeler, ok, failed }) => ({ labeler, ok, failed }))).toEqual(
      names.map((labeler) => ({ labeler, ok: 5, failed: 0 })),
    );
    const rows = await storedLabels(config);
    expect(rows).toHaveLength(5 * 5);
    const versions = new Map(summary.labelers.map(({ labeler, version }) => [labeler, version]));
    for (const row of rows) {
      expect(row).toMatchObject({ status: 'ok', attempt: 1, run_id: 'run-1', error: null });
      expect(row.version).toBe(versions.get(row.labeler as string));
      expect(row.cid).toBe(`cid-of-${row.uri as string}`);
    }
    const value = (name: string, label: string) =>
      rows.find((row) => (row.uri as string).endsWith(`/${name}`) && row.label === label) as {
        score: number;
        text_value: string;
      };
    expect(value('german', 'language').text_value).toBe('de');
    expect(value('civil', 'language').text_value).toBe('en');
    expect(value('heated', 'toxic').score).toBeGreaterThan(value('civil', 'toxic').score + 0.2);
    expect(value('politics', 'sociopolitical').score).toBeGreaterThan(0.5);
    expect(value('cooking', 'sociopolitical').score).toBeLessThan(0.5);

    const vectors = await storedEmbeddings(config);
    expect(vectors).toHaveLength(5);
    for (const { embedding } of vectors as { embedding: number[] }[]) {
      expect(embedding).toHaveLength(384);
      expect(embedding.reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(1, 5);
    }
  });
});
