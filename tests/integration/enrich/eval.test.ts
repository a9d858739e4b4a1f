import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, it, onTestFinished } from 'vitest';
import { evaluateLabeler, type Labeler } from '../../../enrich/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { dataFile, hasData } from '../../data.ts';
import { startFakeOpenai } from '../../fakes/openai.ts';

const labelerThat = (score: (text: string) => number | null): Labeler => ({
  name: 'tested',
  labels: ['mark'],
  batchSize: 3,
  concurrency: 2,
  ratePerSecond: null,
  version: async () => '1',
  open: async () => ({
    ask: async (posts) =>
      posts.map(({ text }) => {
        const value = score(text);
        return value === null
          ? { status: 'failed' as const, error: 'no' }
          : { status: 'ok' as const, values: [{ label: 'mark', score: value }] };
      }),
    close: async () => {},
  }),
});

function goldFile(rows: readonly [text: string, label: string, author?: string][]): string {
  const file = path.join(temporaryFolder(), 'gold.csv');
  writeFileSync(
    file,
    `text,label,author\n${rows.map(([text, label, author = '']) => `"${text}",${label},${author}`).join('\n')}\n`,
  );
  return file;
}

const feedtrial = (args: string[], env: Record<string, string> = {}) =>
  execa(path.join(projectRoot, 'node_modules/node/bin/node'), ['ops/cli/feedtrial.js', ...args], {
    cwd: projectRoot,
    reject: false,
    env: { FEEDTRIAL_SPOOL: temporaryFolder(), FEEDTRIAL_LAKE: temporaryFolder(), ...env },
  });

describe('eval', () => {
  it('counts what a labeler says against what people said, one without an answer as a no', async () => {
    const config = configIn(temporaryFolder());
    const gold = goldFile([
      ['yes a', '1'],
      ['yes b', 'true'],
      ['yes silent', '1'],
      ['no a', '0'],
      ['no but yes', '0'],
      ['left out', ''],
      ['no c', 'no'],
    ]);
    const labeler = labelerThat((text) =>
      text.includes('silent') ? null : text.includes('yes') ? 0.9 : 0.1,
    );
    const found = await evaluateLabeler({ config, labeler: 'tested', gold, known: [labeler] });
    expect(found).toMatchObject({
      rows: 6,
      positives: 3,
      unanswered: 1,
      truePositives: 2,
      falsePositives: 1,
      falseNegatives: 1,
      trueNegatives: 2,
      passed: false,
    });
    expect(found.precision?.value).toBeCloseTo(2 / 3);
    expect(found.recall.value).toBeCloseTo(2 / 3);
    expect(found.f1.value).toBeCloseTo(2 / 3);
    expect(
      await evaluateLabeler({ config, labeler: 'tested', gold, known: [labeler], minRecall: 0.6 }),
    ).toMatchObject({ passed: true });
  });

  it.each([
    ['no such column', 'word,label\na,1\n'],
    ['an answer that is none', 'text,label\na,1\nb,perhaps\n'],
    ['one answer only', 'text,label\na,1\nb,1\n'],
    ['nothing', ''],
  ])('refuses a gold file with %s', async (_, content) => {
    const file = path.join(temporaryFolder(), 'gold.csv');
    writeFileSync(file, content);
    await expect(
      evaluateLabeler({
        config: configIn(temporaryFolder()),
        labeler: 'tested',
        gold: file,
        known: [labelerThat(() => 1)],
      }),
    ).rejects.toMatchObject({ code: 'FT_EVAL_GOLD', exitCode: 2 });
  });

  it('ends with 4 where recall misses its gate, and with 0 where it does not', async () => {
    const gold = goldFile([
      ['You are a stupid, disgusting idiot and everyone hates you.', '1', 'a'],
      ['Thank you for explaining this so patiently.', '0', 'b'],
      ['what a wonderful evening that was', '1', 'c'],
    ]);
    const missed = await feedtrial(['eval', 'student_toxicity', '--gold', gold]);
    expect(missed).toMatchObject({
      exitCode: 4,
      stdout: expect.stringContaining('misses its gate of 0.8') as string,
    });
    const met = await feedtrial([
      '--json',
      'eval',
      'student_toxicity',
      '--gold',
      gold,
      '--min-recall',
      '0.5',
    ]);
    expect(met.exitCode).toBe(0);
    expect(JSON.parse(met.stdout)).toMatchObject({ passed: true, isMeasurement: true });
  });

  it.skipIf(!hasData)('stamps what a fake answered as plumbing', async () => {
    const fake = await startFakeOpenai();
    onTestFinished(() => fake.close());
    const env = { FEEDTRIAL_LLM_URL: fake.url, FEEDTRIAL_LLM_KEY: 'a-key-for-tests' };
    const gold = ['--gold', dataFile('pilot/pilot_posts.csv'), '--label-column', 'human_civic'];
    const { stdout } = await feedtrial(['eval', 'llm_sociopolitical', ...gold, '--min-recall', '0'], env);
    expect(stdout).toContain('PLUMBING, NOT A MEASUREMENT');
    expect(stdout).toContain('235 posts, 128 of them positive');
    expect(fake.requests).toHaveLength(235);
  });
});
