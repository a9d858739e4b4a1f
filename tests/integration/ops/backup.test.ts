import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLake } from '../../../lake/index.ts';
import { backup, listBackups, restore } from '../../../ops/backup/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { takeLease } from '../../../ops/cycle/lease.ts';
import { enroll, listParticipants, openStudyStore } from '../../../study/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';

const arms = [{ arm: 'engagement', weight: 1, status: 'open' as const }];
const did = (letter: string) => `did:plc:${letter.repeat(24)}`;

async function enrol(config: Config, ...letters: string[]): Promise<void> {
  const store = await openStudyStore(config);
  await enroll(store, { people: letters.map((letter) => ({ did: did(letter) })), arms });
  await store.close();
}

async function enrolled(config: Config): Promise<string[]> {
  const store = await openStudyStore(config);
  const people = await listParticipants(store);
  await store.close();
  return people.map((one) => one.did).toSorted();
}

/** A study of two, a generation in force, and a folder for backups. */
async function aStudy(): Promise<{ config: Config; home: string }> {
  const folder = temporaryFolder();
  const config = configIn(folder);
  await enrol(config, 'a', 'b');
  const lake = openLake(config.lake);
  await lake.write('feeds/generation=g1/feeds.parquet', 'stands for a file');
  await lake.write('feeds/current.json', '{"generation":"g1"}\n');
  await lake.write('queue/current.json', '{"publish_id":"gone"}\n');
  return { config, home: path.join(folder, 'backups') };
}

describe('a backup', () => {
  test('brings back people, roster and pointers where all but the lake itself was lost', async () => {
    const { config, home } = await aStudy();
    const roster = await openLake(config.privateLake).read('participants/current.parquet');
    const made = await backup({ config, to: home });
    expect(statSync(home).mode & 0o777).toBe(0o700);
    await enrol(config, 'c'); // after the backup: it is not in it

    rmSync(path.dirname(config.studyDb), { recursive: true });
    rmSync(config.privateLake, { recursive: true });
    rmSync(path.join(config.lake, 'feeds/current.json'));
    rmSync(path.join(config.lake, 'queue/current.json'));
    const restored = await restore({ config, from: made.folder });
    expect(restored).toMatchObject({ pointers: ['feeds/current.json'], left: ['queue/current.json'] });
    expect(await enrolled(config)).toEqual([did('a'), did('b')]);
    expect(await openLake(config.privateLake).read('participants/current.parquet')).toEqual(roster);
    expect(statSync(config.privateLake).mode & 0o777).toBe(0o700);
  });

  test('is refused, before anything is touched, where a file of it has changed or is missing', async () => {
    const { config, home } = await aStudy();
    const { folder } = await backup({ config, to: home });
    writeFileSync(path.join(folder, 'study.sqlite'), 'not what it was');
    await expect(restore({ config, from: folder, replace: true })).rejects.toMatchObject({
      code: 'FT_BACKUP_BROKEN',
    });
    rmSync(path.join(folder, 'study.sqlite'));
    await expect(restore({ config, from: folder, replace: true })).rejects.toMatchObject({
      code: 'FT_BACKUP_BROKEN',
    });
    expect(await enrolled(config)).toEqual([did('a'), did('b')]);
  });

  test('replaces nothing unless told to, and then moves it aside; and nothing while a cycle runs', async () => {
    const { config, home } = await aStudy();
    const { folder } = await backup({ config, to: home });
    await enrol(config, 'c');
    await expect(restore({ config, from: folder })).rejects.toMatchObject({ code: 'FT_RESTORE_THERE' });
    const lease = await takeLease({ lake: openLake(config.lake), name: 'cycle', runId: 'at-work' });
    await expect(restore({ config, from: folder, replace: true })).rejects.toMatchObject({
      code: 'FT_CYCLE_HELD',
    });
    await lease.release();
    const { movedAside } = await restore({ config, from: folder, replace: true });
    expect(await enrolled(config)).toEqual([did('a'), did('b')]);
    expect(movedAside.every((place) => existsSync(place))).toBe(true);
    expect(
      await enrolled({
        ...config,
        studyDb: movedAside.find((place) => place.includes('study.sqlite.before')) ?? '',
      }),
    ).toContain(did('c'));
  });

  test('that was killed is no backup, and the next one clears it away; old ones go once a new one is whole', async () => {
    const { config, home } = await aStudy();
    let nowMs = Date.UTC(2026, 6, 1);
    const now = () => nowMs;
    await backup({ config, to: home, now });
    mkdirSync(path.join(home, '.pending-20260702T000000Z'));
    writeFileSync(path.join(home, '.pending-20260702T000000Z/study.sqlite'), 'half');
    mkdirSync(path.join(home, '20260703T000000Z')); // without its manifest it is not whole
    expect(await listBackups(home)).toEqual(['20260701T000000Z']);
    nowMs += 20 * 86_400_000;
    const { removed } = await backup({ config, to: home, now, keepDays: 14 });
    expect(removed).toEqual(['20260701T000000Z']);
    expect(await listBackups(home)).toEqual(['20260721T000000Z']);
    expect(readdirSync(home).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('needs a place to go to', async () => {
    await expect(backup({ config: configIn(temporaryFolder()) })).rejects.toMatchObject({
      code: 'FT_BACKUP_NOWHERE',
    });
  });
});
