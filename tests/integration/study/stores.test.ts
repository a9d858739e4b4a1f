import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Config } from '../../../ops/config/index.ts';
import {
  balance,
  compliance,
  createKey,
  createStudy,
  enroll,
  findKey,
  importWave,
  listKeys,
  listParticipants,
  neverOpened,
  noteFirstRequest,
  openMembership,
  openStudyStore,
  revokeKey,
  takeJob,
  withdraw,
  type Arm,
  type StudyStore,
} from '../../../study/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { findPostgres, postgresMissing, startPostgres, type Postgres } from '../../services/postgres.ts';
import { testDid } from './directory.ts';

const arms: Arm[] = ['engagement', 'treatment'].map((arm) => ({ arm, weight: 1, status: 'open' }));
const peopleFrom = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ did: testDid(from + i) }));

let postgres: Postgres | null = null;
const hasPostgres = findPostgres() !== null;
if (!hasPostgres) console.warn(`SKIPPED: the study store on PostgreSQL. ${postgresMissing}`);

beforeAll(async () => {
  if (hasPostgres) postgres = await startPostgres();
});
afterAll(async () => {
  await postgres?.close();
});

const kinds = [
  { kind: 'a SQLite file', isThere: true, remote: false },
  { kind: 'a real PostgreSQL', isThere: hasPostgres, remote: true },
];

describe.each(kinds)('the study store in $kind', ({ isThere, remote }) => {
  const test = it.skipIf(!isThere);

  const configOf = async (): Promise<Config> =>
    configIn(
      temporaryFolder(),
      remote ? { FEEDTRIAL_STUDY_DB: await (postgres as Postgres).database() } : {},
    );
  const open = async (config: Config): Promise<StudyStore> => {
    const store = await openStudyStore(config, { busyMs: 5 }); // several of one thread must not wait for each other in it
    onTestFinished(() => store.close());
    return store;
  };

  test('is made and migrated by whoever comes first, also where eight come at once', async () => {
    const config = await configOf();
    const stores = await Promise.all(Array.from({ length: 8 }, () => open(config)));
    await Promise.all(stores.map((store) => createStudy(store, { study: 'pilot' })));
    const studies = await Promise.all(
      stores.map((store) => store.db.selectFrom('studies').selectAll().execute()),
    );
    expect(new Set(studies.map((rows) => JSON.stringify(rows))).size).toBe(1);
    expect(studies[0]).toHaveLength(1);
  });

  test('assigns people that several processes enrol at once to places of their own, each person once', async () => {
    const config = await configOf();
    const stores = await Promise.all([open(config), open(config), open(config)]);
    await createStudy(stores[0], { study: 'default', seed: 'one' });
    await Promise.all(stores.map((store) => enroll(store, { people: peopleFrom(1, 24), arms })));
    const people = await listParticipants(stores[0]);
    expect(people).toHaveLength(24);
    const assigned = await stores[0].db.selectFrom('assignments').selectAll().execute();
    expect(new Set(assigned.map((row) => `${row.block}/${row.place}`)).size).toBe(24);
    const rows = await balance(stores[0]);
    expect(rows.reduce((sum, row) => sum + row.enrolled, 0)).toBe(24);
  });

  test('gives the same arms in the same order for the same seed, whichever database it is', async () => {
    const store = await open(await configOf());
    await createStudy(store, { study: 'default', seed: 'fixed' });
    const { enrolled } = await enroll(store, { people: peopleFrom(1, 12), arms });
    expect(enrolled.map(({ arm }) => arm[0]).join('')).toBe('tteeteetette');
  });

  test('keeps each consent with its version and time, and a panel id for good', async () => {
    const store = await open(await configOf());
    const person = { did: testDid(1), panelId: 'P-1', consent: { version: '1', givenUs: 1.7e15 } };
    await enroll(store, { people: [person], arms });
    await enroll(store, { people: [person], arms });
    await enroll(store, { people: [{ ...person, consent: { version: '2', givenUs: 1.8e15 } }], arms });
    const consents = await store.db
      .selectFrom('consents')
      .select(['version', 'given_us'])
      .orderBy('given_us')
      .execute();
    expect(consents).toEqual([
      { version: '1', given_us: 1.7e15 },
      { version: '2', given_us: 1.8e15 },
    ]);
    const refused = await enroll(store, {
      people: [
        { did: testDid(1), panelId: 'P-2' },
        { did: testDid(2), panelId: 'P-1' },
        { did: testDid(3), panelId: 'has a space' },
        { did: testDid(4), consent: { version: '1', givenUs: 0 } },
      ],
      arms,
    });
    expect(refused.failed.map(({ code }) => code)).toEqual([
      'FT_STUDY_PANEL_ID',
      'FT_STUDY_PANEL_ID',
      'FT_STUDY_PANEL_ID',
      'FT_STUDY_CONSENT',
    ]);
  });

  test('tells serving of a withdrawal, an enrolment and a removal before the next request', async () => {
    const config = await configOf();
    const store = await open(config);
    const other = await open(config);
    await createStudy(store, { study: 'default' });
    const membership = await openMembership(store, 'default');
    onTestFinished(() => {
      membership.close();
    });
    expect(await membership.find(testDid(1))).toBeUndefined();
    await enroll(other, { people: peopleFrom(1, 3), arms });
    expect(await membership.find(testDid(1))).toMatchObject({ status: 'active', hasAsked: false });
    await withdraw(other, { who: testDid(1) });
    const many = await Promise.all(Array.from({ length: 200 }, async () => membership.find(testDid(1))));
    expect(new Set(many.map((member) => member?.status))).toEqual(new Set(['withdrawn']));
    expect(membership.size).toBe(3);
  });

  test('makes a pending participant active at their first signed request, once, and lists who never came', async () => {
    const store = await open(await configOf());
    const { enrolled } = await enroll(store, {
      people: [{ did: testDid(1), panelId: 'A' }, { did: testDid(2), panelId: 'B' }, { did: testDid(3) }],
      arms,
      pending: true,
    });
    expect(enrolled.map(({ status }) => status)).toEqual(['pending', 'pending', 'pending']);
    const { participant_id: participantId } = enrolled[0] as { participant_id: string };
    const note = (askedUs: number) => noteFirstRequest(store, { study: 'default', participantId, askedUs });
    expect([await note(1_000_000), await note(2_000_000)]).toEqual([true, false]);
    const people = await listParticipants(store);
    const statuses = people.map(({ did, status, first_request_us }) => [did, status, first_request_us]);
    expect(statuses.toSorted()).toEqual([
      [testDid(1), 'active', 1_000_000],
      [testDid(2), 'pending', null],
      [testDid(3), 'pending', null],
    ]);
    await withdraw(store, { who: testDid(3) });
    expect((await neverOpened(store)).map((row) => row.panel_id)).toEqual(['B']);
  });

  test('counts by arm who takes part, who left and who answered each wave', async () => {
    const config = await configOf();
    const store = await open(config);
    await createStudy(store, { study: 'default', seed: 'fixed' });
    const people = peopleFrom(1, 8).map((person, i) => ({ ...person, panelId: `P${i}` }));
    const { enrolled } = await enroll(store, { people, arms });
    const file = path.join(temporaryFolder(), 'wave.csv');
    await writeFile(
      file,
      `panel_id,completed_at,trust\nP0,2026-07-04T10:00:00Z,3\nP1,2026-07-04T11:00:00Z,"4, or 5"\nstranger,2026-07-05,1\n`,
    );
    expect(await importWave(store, { file, wave: 'baseline' })).toMatchObject({
      imported: 3,
      changed: 0,
      unknown: 1,
    });
    expect(await importWave(store, { file, wave: 'baseline' })).toMatchObject({ imported: 0, changed: 0 });
    await writeFile(file, readFileSync(file, 'utf8').replace('Z,3', 'Z,2'));
    expect(await importWave(store, { file, wave: 'baseline' })).toMatchObject({ imported: 0, changed: 1 });
    await writeFile(file, 'panel_id,completed_at\nP0,yesterday\n');
    await expect(importWave(store, { file, wave: 'baseline' })).rejects.toMatchObject({
      code: 'FT_STUDY_WAVE',
    });
    await withdraw(store, { who: 'P2' }); // by panel id, too
    const rows = await compliance(store);
    expect(rows.reduce((sum, row) => sum + (row.answered.baseline ?? 0), 0)).toBe(2);
    expect(rows.reduce((sum, row) => sum + row.withdrawn, 0)).toBe(1);
    const left = rows.find(({ arm }) => arm === enrolled[2]?.arm);
    expect(left?.attrition).toBe(1 / (left?.enrolled ?? 0));
  });

  test('keeps of an API key only a hash, and knows it by its token until it is revoked', async () => {
    const config = await configOf();
    const store = await open(config);
    await createStudy(store, { study: 'default' });
    const { key, token } = await createKey(store, { name: 'panel', scopes: ['enroll'] });
    expect(await findKey(store, token, 'default')).toEqual(key);
    expect(
      await findKey(store, `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`, 'default'),
    ).toBeNull();
    expect(await findKey(store, token, 'other')).toBeNull();
    const secret = token.split('_').slice(2).join('_');
    const row = await store.db.selectFrom('api_keys').selectAll().executeTakeFirstOrThrow();
    expect(JSON.stringify(row)).not.toContain(secret);
    await revokeKey(store, { keyId: key.keyId });
    expect(await findKey(store, token, 'default')).toBeNull();
    expect((await listKeys(store))[0]?.revokedUs).toEqual(expect.any(Number));
    await expect(createKey(store, { name: 'x', scopes: ['everything'] })).rejects.toMatchObject({
      code: 'FT_STUDY_SCOPE',
    });
    await expect(revokeKey(store, { keyId: 'nobody' })).rejects.toMatchObject({ code: 'FT_STUDY_KEY' });
  });

  test('lets one at a job, and the next once that one is done or silent', async () => {
    const config = await configOf();
    const [a, b] = [await open(config), await open(config)];
    let nowMs = 1.8e12;
    const now = () => nowMs;
    const lease = await takeJob(a, 'erase', { now });
    await expect(takeJob(b, 'erase', { now })).rejects.toMatchObject({ code: 'FT_STUDY_JOB_HELD' });
    await lease.release();
    const second = await takeJob(b, 'erase', { now });
    nowMs += 121_000;
    await takeJob(a, 'erase', { now });
    await expect(second.renew()).rejects.toMatchObject({ code: 'FT_STUDY_JOB_HELD' });
  });
});

describe('a study store in PostgreSQL', () => {
  const test = it.skipIf(!hasPostgres);

  test('serves by what it knows while the database is away, and says so', async () => {
    const config = configIn(temporaryFolder(), {
      FEEDTRIAL_LOG_LEVEL: 'silent',
      FEEDTRIAL_STUDY_DB: await (postgres as Postgres).database(),
    });
    const store = await openStudyStore(config);
    onTestFinished(() => store.close());
    await enroll(store, { people: peopleFrom(1, 2), arms });
    const membership = await openMembership(store, 'default');
    await (postgres as Postgres).stop();
    try {
      expect(await membership.find(testDid(1))).toMatchObject({ status: 'active' });
      expect(membership.upToDate).toBe(false);
    } finally {
      await (postgres as Postgres).start();
    }
    await withdraw(store, { who: testDid(1) });
    await expect.poll(async () => (await membership.find(testDid(1)))?.status).toBe('withdrawn');
    expect(membership.upToDate).toBe(true);
  });

  test('that does not answer is an error that says where it was looked for, without the password', async () => {
    const config = configIn(temporaryFolder(), {
      FEEDTRIAL_STUDY_DB: 'postgres://feedtrial:secret-password@127.0.0.1:1/study',
    });
    const error = await openStudyStore(config).catch((reason: unknown) => reason as Error);
    expect(error).toMatchObject({ code: 'FT_STUDY_STORE' });
    expect(String((error as Error).message)).toContain('127.0.0.1:1');
    expect(String((error as Error).message)).not.toContain('secret-password');
    expect(existsSync('postgres:')).toBe(false);
    await expect(
      openStudyStore(configIn(temporaryFolder(), { FEEDTRIAL_STUDY_DB: 'mysql://x/y' })),
    ).rejects.toMatchObject({ code: 'FT_STUDY_STORE_UNSUPPORTED' });
  });
});
