import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { labelers } from '../../../enrich/index.ts';
import { starterFile, starterLabels } from '../../../enrich/students/starter.ts';
import { parseCsv } from '../../../enrich/students/csv.ts';
import { loadConfig } from '../../../ops/config/index.ts';

const config = loadConfig({});
const read = (...parts: string[]) => readFileSync(path.join(config.projectRoot, ...parts), 'utf8');
const seed = parseCsv(read('seeds', 'labelers.csv'));

describe('what SQL asks for is what is here', () => {
  it.each(labelers.map((labeler) => [labeler.name, labeler] as const))(
    '%s: version and labels of the seed are those of the code',
    async (name, labeler) => {
      const row = seed.find((one) => one['labeler'] === name);
      expect(row).toBeDefined();
      expect(row?.['version']).toBe(await labeler.version(config));
      expect((row?.['labels'] ?? '').split(' ').filter(Boolean)).toEqual([...labeler.labels]);
    },
  );

  it("the language model's version is that of its package", async () => {
    const { version } = JSON.parse(read('node_modules', 'eld', 'package.json')) as { version: string };
    const language = labelers.find((labeler) => labeler.name === 'language');
    expect(await language?.version(config)).toContain(version);
  });
});

describe('model cards', () => {
  it.each(starterLabels)('the card of %s is about the weights beside it', async (label) => {
    const card = readFileSync(starterFile(label).replace(/\.json$/, '.md'), 'utf8');
    const labeler = labelers.find((one) => one.labels.includes(label));
    expect(card).toContain(await labeler?.version(config));
    expect(card).toMatch(/\d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\]/);
  });

  it('students on embeddings know the embedding model that is here', async () => {
    const embeddings = labelers.find((one) => one.name === 'embeddings');
    const readers = labelers.filter(
      (one) => one.embeddingVersion !== undefined && (one.notReady?.(config) ?? null) === null,
    );
    expect(readers).toHaveLength(3);
    for (const one of readers)
      expect(await one.embeddingVersion?.(config)).toBe(await embeddings?.version(config));
  });
});
