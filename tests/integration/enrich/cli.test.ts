import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { labelers } from '../../../enrich/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { publishQueue } from './queue.ts';

/** Runs the binary on a lake of its own. */
function feedtrial(folder: string, args: string[], env: Record<string, string> = {}) {
  const config = configIn(folder);
  return execa(path.join(projectRoot, 'node_modules/node/bin/node'), ['ops/cli/feedtrial.js', ...args], {
    cwd: projectRoot,
    reject: false,
    env: { FEEDTRIAL_LAKE: config.lake, FEEDTRIAL_SPOOL: config.spool, ...env },
  });
}

describe('feedtrial enrich', () => {
  it('names the labelers that there are when asked for another, with the exit code of wrong use', async () => {
    const { exitCode, stderr } = await feedtrial(temporaryFolder(), ['enrich', 'horoscope']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("FT_ENRICH_UNKNOWN_LABELER: there is no labeler 'horoscope'");
    for (const { name } of labelers) expect(stderr).toContain(name);
  });

  it('says when there is no queue yet, and when it is empty', async () => {
    const folder = temporaryFolder();
    const none = await feedtrial(folder, ['enrich']);
    expect(none).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('no queue yet') as string });
    await publishQueue(configIn(folder), []);
    const empty = await feedtrial(folder, ['enrich']);
    expect(empty).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('the queue is empty') as string,
    });
  });

  it('labels the queue and says how many, and gives the same as JSON', async () => {
    const folder = temporaryFolder();
    const version =
      (await labelers.find(({ name }) => name === 'student_toxicity')?.version(configIn(folder))) ?? '';
    await publishQueue(
      configIn(folder),
      ['first', 'second'].map((text) => ({
        labeler: 'student_toxicity',
        version,
        uri: `at://${text}`,
        text,
      })),
    );
    const json = await feedtrial(folder, ['--json', 'enrich', '--limit', '1', 'student_toxicity']);
    expect(json.exitCode).toBe(0);
    expect(JSON.parse(json.stdout)).toMatchObject({ status: 'done', labelers: [{ queued: 1, ok: 1 }] });
    const words = await feedtrial(folder, ['enrich']);
    expect(words.stdout).toContain('student_toxicity: 1 of 1 posts labelled');
  });

  it('says what to do where the weights are missing', async () => {
    const folder = temporaryFolder();
    await publishQueue(configIn(folder), [
      { labeler: 'embeddings', version: 'x', uri: 'at://one', text: 'one' },
    ]);
    const { exitCode, stderr } = await feedtrial(folder, ['enrich', 'embeddings'], {
      FEEDTRIAL_MODELS: folder,
    });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('FT_ENRICH_WEIGHTS_MISSING');
    expect(stderr).toContain('fix: ');
  });

  it.each([
    ['--shard', '3/2'],
    ['--shard', 'x'],
    ['--limit', '0'],
    ['--limit', 'many'],
  ])('refuses %s %s as wrong use', async (...option) => {
    expect((await feedtrial(temporaryFolder(), ['enrich', ...option])).exitCode).toBe(2);
  });
});

describe('feedtrial train starter', () => {
  it('says what data it misses', async () => {
    const folder = temporaryFolder();
    const { exitCode, stderr } = await feedtrial(folder, [
      'train',
      'starter',
      '--data',
      folder,
      '--out',
      folder,
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('FT_TRAIN_DATA_MISSING');
  });
});

describe('feedtrial train student', () => {
  it.each([
    [
      'a student that there is not',
      'kindness',
      2,
      'FT_TRAIN_UNKNOWN',
      'toxic, reasoning, moral_outrage, sociopolitical',
    ],
    ['a lake without labels', 'toxic', 1, 'FT_TRAIN_NOTHING', 'feedtrial cycle'],
  ])('says of %s what to do, before any model is run', async (_, label, status, code, fix) => {
    const folder = temporaryFolder();
    const { exitCode, stderr } = await feedtrial(folder, ['train', 'student', label]);
    expect(exitCode).toBe(status);
    expect(stderr).toContain(code);
    expect(stderr).toContain(fix);
    expect(stderr).not.toContain('dbt');
  });
});
