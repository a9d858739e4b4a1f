import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Config } from '../../../ops/config/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { examine, type Finding } from '../../../ops/doctor/index.ts';
import { checkNode, checkWritable } from '../../../ops/doctor/machine.ts';
import { checkPlc, checkStream } from '../../../ops/doctor/network.ts';
import { checkLabelerNeeds, checkLlm } from '../../../ops/doctor/services.ts';
import { startFakeOpenai } from '../../fakes/openai.ts';
import { configIn, temporaryFolder } from '../../folders.ts';

const failuresOf = (findings: Finding[]) => findings.filter((f) => f.state === 'fail').map((f) => f.name);
const look = (config: Config) => examine({ config, offline: true });

describe('doctor', () => {
  test('finds nothing in the way of a checkout that was set up, and leaves nothing behind', async () => {
    const folder = temporaryFolder();
    const { stdout, exitCode } = await execa(
      process.execPath,
      [path.join(projectRoot, 'ops/cli/feedtrial.js'), 'doctor', '--offline'],
      { cwd: folder, env: { FEEDTRIAL_PORT: '0' }, reject: false },
    );
    expect(stdout).toMatch(/nothing is in the way$/);
    expect(exitCode).toBe(0);
    expect((await execa('ls', ['-A', folder])).stdout).toBe('');
  });

  test('every failure comes with its fix', async () => {
    const root = temporaryFolder();
    cpSync(path.join(projectRoot, 'seeds'), path.join(root, 'seeds'), { recursive: true });
    const labelers = path.join(root, 'seeds/labelers.csv');
    writeFileSync(labelers, readFileSync(labelers, 'utf8').replace(/^language,[^,]+/m, 'language,another'));
    mkdirSync(path.join(root, 'requirements'));
    const taken = net.createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void taken.close());
    const config = {
      ...configIn(root, {
        FEEDTRIAL_PRIVATE_LAKE: path.join(root, 'lake/private'),
        FEEDTRIAL_PORT: String((taken.address() as net.AddressInfo).port),
        FEEDTRIAL_HOSTNAME: 'feeds.example.org',
      }),
      projectRoot: root,
    };
    const findings = await look(config);
    expect(failuresOf(findings)).toEqual(
      expect.arrayContaining(['python', 'duckdb', 'loopback', 'private lake', 'port', 'label language']),
    );
    for (const finding of findings) expect(finding.fix === null).toBe(finding.state === 'ok');
  });

  test('notices a package that is not as pinned', async () => {
    const root = temporaryFolder();
    cpSync(path.join(projectRoot, 'seeds'), path.join(root, 'seeds'), { recursive: true });
    symlinkSync(path.join(projectRoot, '.venv'), path.join(root, '.venv'));
    mkdirSync(path.join(root, 'requirements'));
    writeFileSync(path.join(root, 'requirements/dbt.txt'), 'duckdb==0.0.1 \\\n    --hash=sha256:00\n');
    const findings = await look({ ...configIn(root), projectRoot: root });
    expect(findings.find((f) => f.name === 'packages')).toMatchObject({
      state: 'fail',
      found: expect.stringMatching(/duckdb==0\.0\.1 \(found [\d.]+\)/) as string,
    });
  });

  test('a folder that cannot be written is a failure, one that is yet to be made is none', async () => {
    const folder = temporaryFolder();
    expect(await checkWritable('lake', path.join(folder, 'a/b'))).toMatchObject({ state: 'ok' });
    writeFileSync(path.join(folder, 'file'), '');
    const below = await checkWritable('lake', '/proc/feedtrial');
    expect(below).toMatchObject({ state: 'fail', fix: expect.stringContaining('FEEDTRIAL_LAKE') as string });
  });

  test('an old Node is a failure; a network that cannot be reached only a warning', async () => {
    expect(await checkNode('20.20.2')).toMatchObject({ state: 'fail' });
    const config = configIn(temporaryFolder(), { FEEDTRIAL_PLC_URL: 'http://127.0.0.1:9' });
    expect(await checkPlc(config)).toMatchObject({ state: 'warn' });
    expect(await checkStream('relay', 'ws://127.0.0.1:9', 'FEEDTRIAL_RELAY_URL')).toMatchObject({
      state: 'warn',
    });
  });

  test('says which labelers cannot be asked for want of a key, which end soon, and which label nobody will give then', async () => {
    const folder = temporaryFolder();
    const now = (day: string): number => Date.parse(`${day}T12:00:00Z`);
    const bare = await checkLabelerNeeds(
      { ...configIn(folder), projectRoot, labelProfile: 'study' },
      now('2026-07-01'),
    );
    expect(bare.find(({ name }) => name === 'ask perspective')).toMatchObject({
      state: 'warn',
      fix: expect.stringContaining('FEEDTRIAL_PERSPECTIVE_KEYS') as string,
    });
    expect(bare.find(({ name }) => name === 'ask llm_sociopolitical')).toMatchObject({ state: 'warn' });
    expect(bare.find(({ name }) => name === 'label constructive')).toMatchObject({
      state: 'warn',
      fix: expect.stringContaining('train student') as string,
    });
    expect(bare.find(({ name }) => name === 'label toxic')).toBeUndefined();

    const config = {
      ...configIn(folder, { FEEDTRIAL_PERSPECTIVE_KEYS: 'a-key-for-tests' }),
      projectRoot,
      labelProfile: 'study' as const,
    };
    const perspectiveOn = async (day: string) =>
      (await checkLabelerNeeds(config, now(day))).find(({ name }) => name === 'ask perspective');
    expect(await perspectiveOn('2026-07-01')).toMatchObject({ state: 'ok', found: 'can be asked' });
    expect(await perspectiveOn('2026-12-11')).toMatchObject({
      state: 'warn',
      found: 'ends on 2026-12-31, in 20 days',
    });
    expect(await perspectiveOn('2027-01-01')).toMatchObject({
      state: 'ok',
      found: expect.stringContaining('ended on 2026-12-31') as string,
    });
    // the demo asks nobody who needs a key
    const demo = await checkLabelerNeeds({ ...config, labelProfile: 'demo' }, now('2026-07-01'));
    expect(demo.filter(({ state }) => state !== 'ok')).toEqual([]);
  });

  test('asks the LLM endpoint for its models, and tells a wrong key from a wrong model', async () => {
    const fake = await startFakeOpenai({ keys: ['a-key-for-tests'], models: ['small'] });
    onTestFinished(() => fake.close());
    const look = (key: string, model: string) =>
      checkLlm(
        configIn(temporaryFolder(), {
          FEEDTRIAL_LLM_URL: fake.url,
          FEEDTRIAL_LLM_KEY: key,
          FEEDTRIAL_LLM_MODEL: model,
        }),
      );
    expect(await look('a-key-for-tests', 'small')).toMatchObject([{ state: 'ok' }]);
    expect(await look('a-key-for-tests', 'large')).toMatchObject([
      { state: 'fail', found: expect.stringContaining('no model large') as string },
    ]);
    const refused = await look('another-key-for-tests', 'small');
    expect(refused).toMatchObject([{ state: 'fail' }]);
    expect(JSON.stringify(refused)).not.toContain('another-key');
    expect(await checkLlm(configIn(temporaryFolder()))).toEqual([]);
  });
});
