import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import Database from 'better-sqlite3';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Config } from '../../../ops/config/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { examine, type Finding } from '../../../ops/doctor/index.ts';
import {
  checkClock,
  checkFileHandles,
  checkRegistration,
  checkStudySettings,
  checkTimezone,
} from '../../../ops/doctor/deployment.ts';
import { checkDbt, checkNode, checkWritable } from '../../../ops/doctor/machine.ts';
import { checkPlc, checkStream } from '../../../ops/doctor/network.ts';
import { checkLabelerNeeds, checkLlm } from '../../../ops/doctor/services.ts';
import { startFakeOpenai } from '../../fakes/openai.ts';
import { checkBucket, checkStore } from '../../../ops/doctor/storage.ts';
import { openStudyStore } from '../../../study/index.ts';
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

  test('a limit of files that readers would meet, a zone that is none, and a clock that is off', async () => {
    expect(checkFileHandles(1_000)).toMatchObject({
      state: 'fail',
      fix: expect.stringContaining('LimitNOFILE') as string,
    });
    expect(checkFileHandles(2_000).state).toBe('warn');
    expect(checkFileHandles(65_536).state).toBe('ok');
    expect(checkTimezone('Europe/Berlin').state).toBe('ok');
    expect(checkTimezone('Europe/Atlantis')).toMatchObject({ state: 'warn' });
    const server = http.createServer((_, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as net.AddressInfo;
    const config = configIn(temporaryFolder(), { FEEDTRIAL_PLC_URL: `http://127.0.0.1:${port}` });
    expect(await checkClock(config)).toMatchObject([{ state: 'ok' }]);
    const behind = (): number => Date.now() - 3_600_000;
    expect(await checkClock(config, behind)).toMatchObject([
      { state: 'fail', found: expect.stringMatching(/^3(59\d|600)\.\d s from/) as string },
    ]);
    expect(await checkClock({ ...config, plcUrl: 'http://127.0.0.1:9' })).toEqual([]);
  });

  test('a study store that is of another version, or none, and one that is not there', async () => {
    const config = configIn(temporaryFolder());
    expect(await checkStore(config)).toMatchObject({
      state: 'ok',
      found: expect.stringContaining('made when') as string,
    });
    mkdirSync(path.dirname(config.studyDb));
    await (await openStudyStore(config)).close();
    expect(await checkStore(config)).toMatchObject({ state: 'ok' });
    const store = new Database(config.studyDb);
    store.exec('DELETE FROM kysely_migration WHERE name = (SELECT max(name) FROM kysely_migration)');
    expect(await checkStore(config)).toMatchObject({
      state: 'warn',
      fix: expect.stringContaining('backup') as string,
    });
    store.exec("INSERT INTO kysely_migration VALUES ('9999_later', 'now')");
    expect(await checkStore(config)).toMatchObject({
      state: 'fail',
      found: expect.stringContaining('9999_later') as string,
    });
    store.close();
    writeFileSync(config.studyDb, 'this is no database, and long enough to be seen for none '.repeat(9));
    expect(await checkStore(config)).toMatchObject({ state: 'fail' });
    const nobody = { ...config, studyDb: 'postgres://me:secret-word@127.0.0.1:9/study' };
    const refused = await checkStore(nobody);
    expect(refused).toMatchObject({
      state: 'fail',
      fix: expect.stringContaining('FEEDTRIAL_STUDY_DB') as string,
    });
    expect(JSON.stringify(refused)).not.toContain('secret-word');
  });

  test('a bucket that does not answer, a study that nobody watches, a feed that nobody can find', async () => {
    const config = configIn(temporaryFolder(), {
      FEEDTRIAL_HOSTNAME: 'feeds.invalid',
      FEEDTRIAL_PUBLISHER_DID: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
      FEEDTRIAL_PLC_URL: 'http://127.0.0.1:9',
    });
    const away = {
      FEEDTRIAL_S3_ENDPOINT: 'http://127.0.0.1:9',
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
      AWS_MAX_ATTEMPTS: '1',
    };
    for (const [name, value] of Object.entries(away)) vi.stubEnv(name, value);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await checkBucket('lake', 's3://no-such-bucket/lake', 'FEEDTRIAL_LAKE')).toMatchObject({
      state: 'fail',
      fix: expect.stringContaining('credentials') as string,
    });
    expect(checkStudySettings(config).map(({ name }) => name)).toEqual(['backup', 'alerts', 'export key']);
    expect(await checkRegistration(config)).toMatchObject([
      { name: 'did document', state: 'warn' },
      { name: 'feed', state: 'warn' },
    ]);
  });

  test('dbt that does not load, or lacks its project', async () => {
    const root = temporaryFolder();
    const config = { ...configIn(root), projectRoot: root };
    expect(await checkDbt(config)).toMatchObject({
      state: 'fail',
      found: expect.stringContaining('dbt_project.yml') as string,
    });
    for (const file of ['dbt_project.yml', 'profiles.yml']) writeFileSync(path.join(root, file), '');
    expect(await checkDbt(config)).toMatchObject({ state: 'fail', fix: "run 'npm run setup'" });
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
