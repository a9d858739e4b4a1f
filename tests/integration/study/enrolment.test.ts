import { existsSync, statSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execaNode } from 'execa';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openEngine, openLake, readTable, tables } from '../../../lake/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import type { Config } from '../../../ops/config/index.ts';
import {
  balance,
  createStudy,
  enroll,
  listParticipants,
  openMembership,
  openStudyStore,
  refreshRoster,
  rosterPath,
  withdraw,
  type Arm,
  type StudyStore,
} from '../../../study/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { startDirectory, testDid } from './directory.ts';

const arms: Arm[] = ['engagement', 'reverse_chronological', 'treatment'].map((arm) => ({
  arm,
  weight: 1,
  status: 'open',
}));

async function openStore(config: Config = configIn(temporaryFolder())): Promise<StudyStore> {
  const store = await openStudyStore(config);
  onTestFinished(() => store.close());
  return store;
}

async function rosterOf(config: Config): Promise<Record<string, unknown>[]> {
  const engine = await openEngine({ threads: 1 });
  try {
    return await engine.rows(
      `SELECT * FROM ${readTable(openLake(config.privateLake), tables.participants)} ORDER BY did`,
    );
  } finally {
    await engine.close();
  }
}

const peopleFrom = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ did: testDid(from + i) }));

/** `feedtrial study …` as a process of its own, on the same folders as `configIn(folder)`. */
const command = (folder: string, args: string[]) => {
  const config = configIn(folder);
  return execaNode(path.join(projectRoot, 'ops/cli/main.ts'), ['study', ...args], {
    nodePath: process.execPath,
    reject: false,
    env: {
      FEEDTRIAL_LAKE: config.lake,
      FEEDTRIAL_PRIVATE_LAKE: config.privateLake,
      FEEDTRIAL_SPOOL: config.spool,
      FEEDTRIAL_STUDY_DB: config.studyDb,
    },
  });
};

describe('enrolment', () => {
  it('assigns each account an arm once: repeating it changes nothing', async () => {
    const store = await openStore();
    const first = await enroll(store, { people: peopleFrom(1, 20), arms });
    const again = await enroll(store, { people: peopleFrom(1, 20), arms });
    expect(first.enrolled).toHaveLength(20);
    expect(again.enrolled).toHaveLength(0);
    expect(again.already).toEqual(first.enrolled);
    expect(await listParticipants(store)).toHaveLength(20);
  });

  it('draws the same arms for the same seed, and participant ids that say nothing of the account', async () => {
    const [one, two, other] = [await openStore(), await openStore(), await openStore()];
    await createStudy(one, { study: 'default', seed: 'seed' });
    await createStudy(two, { study: 'default', seed: 'seed' });
    const enrolled = await Promise.all(
      [one, two, other].map((store) => enroll(store, { people: peopleFrom(1, 30), arms })),
    );
    const armsOf = enrolled.map((summary) => summary.enrolled.map((p) => p.arm));
    expect(armsOf[0]).toEqual(armsOf[1]);
    expect(armsOf[0]).not.toEqual(armsOf[2]);
    const ids = enrolled.flatMap((summary) => summary.enrolled.map((p) => p.participant_id));
    expect(new Set(ids).size).toBe(90); // the same account and seed give another id each time
    await expect(createStudy(one, { study: 'default', seed: 'another' })).rejects.toMatchObject({
      code: 'FT_STUDY_SEED',
    });
  });

  it('keeps every stratum balanced by itself', async () => {
    const store = await openStore();
    const strata = ['north', 'south'];
    await enroll(store, {
      people: peopleFrom(1, 120).map((person, i) => ({ ...person, stratum: strata[i % 2] })),
      arms,
    });
    const rows = await balance(store);
    expect(rows).toHaveLength(6);
    for (const stratum of strata) {
      const counts = rows.filter((row) => row.stratum === stratum).map((row) => row.enrolled);
      expect(counts.reduce((a, b) => a + b)).toBe(60);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(3); // the largest block holds three an arm
    }
  });

  it('by four processes at once fills the blocks without a hole or a double', async () => {
    const folder = temporaryFolder();
    const config = configIn(folder);
    const runs = await Promise.all(
      [0, 1, 2, 3].map(async (n) => {
        const csv = path.join(folder, `people-${n}.csv`);
        // the third and fourth enrol whom the first and second do
        const people = peopleFrom(1 + (n % 2) * 25, 25);
        await writeFile(csv, ['did', ...people.map(({ did }) => did)].join('\n'));
        return command(folder, ['enroll', '--file', csv]);
      }),
    );
    expect(runs.map((run) => [run.exitCode, run.stderr])).toEqual(runs.map(() => [0, '']));
    const store = await openStore(config);
    const people = await listParticipants(store);
    expect(people).toHaveLength(50);
    const places = await store.db.selectFrom('assignments').selectAll().orderBy('assignment_id').execute();
    const blocks = await store.db.selectFrom('blocks').selectAll().orderBy('block').execute();
    expect(blocks.map((b) => b.block)).toEqual(blocks.map((_, i) => i));
    const drawn = blocks.flatMap((b) =>
      (JSON.parse(b.sequence) as string[]).slice(0, b.used).map((arm, place) => [b.block, place, arm]),
    );
    expect(places.map((p) => [p.block, p.place, p.arm])).toEqual(drawn);
    for (const block of blocks.slice(0, -1))
      expect(block.used).toBe((JSON.parse(block.sequence) as string[]).length);
    // and the roster is the newest, whoever published last
    expect(await rosterOf(config)).toHaveLength(50);
  });

  it('puts nobody into a closed arm, and begins a new block when arms close', async () => {
    const store = await openStore();
    await enroll(store, { people: peopleFrom(1, 4), arms });
    const fewer = arms.map((a) => (a.arm === 'treatment' ? { ...a, status: 'closed' as const } : a));
    const later = await enroll(store, { people: peopleFrom(5, 30), arms: fewer });
    expect(later.enrolled.map((p) => p.arm)).not.toContain('treatment');
    await expect(
      enroll(store, { people: peopleFrom(90, 1), arms: arms.map((a) => ({ ...a, status: 'closed' })) }),
    ).rejects.toMatchObject({ code: 'FT_STUDY_ARMS_CLOSED', exitCode: 2 });
    expect(await listParticipants(store)).toHaveLength(34);
  });

  it('takes a handle that leads to an account and back, and no other', async () => {
    const directory = await startDirectory();
    const store = await openStore(configIn(temporaryFolder(), { FEEDTRIAL_PLC_URL: directory.url }));
    const account = await directory.account();
    const summary = await enroll(store, {
      people: [
        { handle: `@${account.handle.toUpperCase()}` },
        { handle: 'nobody.test' },
        { handle: 'not a handle' },
      ],
      arms,
      resolverUrl: directory.url,
    });
    expect(summary.enrolled.map((p) => [p.did, p.handle])).toEqual([[account.did, account.handle]]);
    expect(summary.failed.map((f) => f.code)).toEqual(['FT_STUDY_HANDLE_UNRESOLVED', 'FT_STUDY_HANDLE']);
    directory.state = 'down';
    const down = await enroll(store, { people: [{ handle: 'x.test' }], arms, resolverUrl: directory.url });
    expect(down.failed[0]?.code).toBe('FT_STUDY_HANDLE_UNRESOLVED');
  });

  it('is in the roster at once, and in nothing else that others may read', async () => {
    const folder = temporaryFolder();
    const config = configIn(folder);
    const store = await openStore(config);
    const { enrolled } = await enroll(store, { people: peopleFrom(1, 3), arms });
    const rows = await rosterOf(config);
    expect(rows.map((r) => [r.participant_id, r.did, r.arm, r.status])).toEqual(
      enrolled.map((p) => [p.participant_id, p.did, p.arm, 'active']),
    );
    for (const file of [
      config.studyDb,
      `${config.studyDb}-wal`,
      path.join(config.privateLake, 'participants/current.parquet'),
    ])
      expect(statSync(file).mode & 0o077, file).toBe(0);
    for (const place of [config.lake, config.spool])
      for (const entry of await readdir(place, { recursive: true, withFileTypes: true }).catch(() => []))
        if (entry.isFile())
          expect(await readFile(path.join(entry.parentPath, entry.name), 'latin1')).not.toContain('did:plc:');
  });
});

describe('withdrawal', () => {
  it('is seen by whoever follows the study, from the next look, and stands', async () => {
    const config = configIn(temporaryFolder());
    const store = await openStore(config);
    const { enrolled } = await enroll(store, { people: peopleFrom(1, 3), arms });
    const membership = await openMembership(store, 'default');
    onTestFinished(() => {
      membership.close();
    });
    expect((await membership.find(testDid(2)))?.status).toBe('active');
    const first = await withdraw(store, { who: testDid(2), now: () => 1_000 });
    expect((await membership.find(testDid(2)))?.status).toBe('withdrawn');
    expect((await membership.find(testDid(1)))?.status).toBe('active');
    const again = await withdraw(store, { who: enrolled[1]?.participant_id ?? '', now: () => 2_000 });
    expect([first.isNew, again.isNew, again.participant.withdrawn_us]).toEqual([true, false, 1_000_000]);
    expect((await rosterOf(config)).map((r) => r.status)).toEqual(['active', 'withdrawn', 'active']);
    const back = await enroll(store, { people: [{ did: testDid(2) }], arms });
    expect(back.failed[0]?.code).toBe('FT_STUDY_WITHDRAWN');
    await expect(withdraw(store, { who: testDid(77) })).rejects.toMatchObject({
      code: 'FT_STUDY_NOT_ENROLLED',
    });
    await enroll(store, { people: [{ did: testDid(50) }], arms });
    expect((await membership.find(testDid(50)))?.status).toBe('active');
    await store.db
      .deleteFrom('assignments')
      .where('participant_id', '=', enrolled[0]?.participant_id ?? '')
      .execute();
    await store.db.deleteFrom('participants').where('did', '=', testDid(1)).execute();
    expect(await membership.find(testDid(1))).toBeUndefined(); // someone who was erased
    expect(membership.size).toBe(3);
  });
});

describe('the roster', () => {
  it('has what a process that died before publishing it had committed, once it is refreshed', async () => {
    const config = configIn(temporaryFolder());
    const file = path.join(config.privateLake, rosterPath);
    expect(await refreshRoster(config)).toBeNull();
    expect(existsSync(config.studyDb)).toBe(false);
    const store = await openStore(config);
    await enroll(store, { people: peopleFrom(1, 2), arms });
    const before = await readFile(file);
    await enroll(store, { people: peopleFrom(3, 1), arms });
    await withdraw(store, { who: testDid(1) });
    await writeFile(file, before); // as if that process had died between its commit and its roster
    expect(await refreshRoster(config)).toBe(3);
    const statuses = (await rosterOf(config)).map(({ did, status }) => [did, status]);
    expect(statuses).toEqual([
      [testDid(1), 'withdrawn'],
      [testDid(2), 'active'],
      [testDid(3), 'active'],
    ]);
    const after = await readFile(file);
    expect(await refreshRoster(config)).toBe(3);
    expect(await readFile(file)).toEqual(after);
    // a store in which nobody is doesn't empty it
    const elsewhere = { ...config, studyDb: path.join(temporaryFolder(), 'study.sqlite') };
    await createStudy(await openStore(elsewhere), { study: 'default' });
    expect(await refreshRoster(elsewhere)).toBeNull();
    expect(await readFile(file)).toEqual(after);
  });
});

describe('the command', () => {
  it('says what it did by its exit code, and shows no account whole', async () => {
    const folder = temporaryFolder();
    const csv = path.join(folder, 'people.csv');
    await writeFile(
      csv,
      `did,stratum,name\n${testDid(1)},a,"One, First"\n${testDid(2)},b,Two\nwrong,a,Three\n`,
    );
    const file = await command(folder, ['enroll', '--file', csv]);
    expect(file.exitCode, file.stderr).toBe(3);
    expect(file.stdout).toContain('2 enrolled');
    expect(file.stdout).not.toContain(testDid(1));
    expect((await command(folder, ['enroll', '--did', testDid(1)])).exitCode).toBe(0);
    const bad = await command(folder, ['enroll', '--did', 'did:plc:short']);
    expect([bad.exitCode, bad.stderr]).toEqual([2, expect.stringContaining('FT_STUDY_DID')]);
    expect((await command(folder, ['enroll'])).exitCode).toBe(2);
    const unknown = await command(folder, ['enroll', '--did', testDid(3), '--study', 'other']);
    expect([unknown.exitCode, unknown.stderr]).toEqual([2, expect.stringContaining('FT_STUDY_UNKNOWN')]);
    expect((await command(folder, ['withdraw', testDid(9)])).exitCode).toBe(2);
    expect((await command(folder, ['withdraw', '--did', testDid(2)])).exitCode).toBe(0);
    const left = await command(folder, ['enroll', '--file', csv]);
    expect([left.exitCode, left.stderr]).toEqual([3, expect.stringContaining('did:plc:')]);
    expect(left.stderr).not.toContain(testDid(2));
    const list = await command(folder, ['list', '--json']);
    expect(list.stdout).not.toContain(testDid(1));
    expect(list.exitCode, list.stderr).toBe(0);
    expect((JSON.parse(list.stdout) as { status: string }[]).map((p) => p.status)).toEqual([
      'active',
      'withdrawn',
    ]);
  });
});
