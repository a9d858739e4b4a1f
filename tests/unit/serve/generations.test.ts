import { beforeAll, describe, expect, it } from 'vitest';
import {
  encodeServing,
  formatCurrentGeneration,
  generationFolder,
  openLake,
  servingPath,
} from '../../../lake/index.ts';
import { startTelemetry } from '../../../ops/telemetry/index.ts';
import { openGenerations } from '../../../serve/feeds/generations.ts';
import { configIn, temporaryFolder } from '../../folders.ts';

const hourMs = 3_600_000;
const nowMs = 1_795_000_000_000;

beforeAll(async () => {
  await startTelemetry(configIn('.', { FEEDTRIAL_LOG_LEVEL: 'silent' })); // what these tests provoke would be logged
});

/** A lake with generation g2 in force and g1 before it, in which files can be made unreadable. */
async function openSite(g1PublishedMs = nowMs - hourMs) {
  const lake = openLake(temporaryFolder());
  const failing = new Set<string>();
  const read: typeof lake.read = (path) =>
    [...failing].some((part) => path.includes(part))
      ? Promise.reject(new Error('the disk is away'))
      : lake.read(path);
  const write = async (generation: string, publishedMs: number): Promise<void> => {
    const folder = generationFolder(generation);
    const us = publishedMs * 1000;
    await lake.write(servingPath(generation), encodeServing({ generation, uris: [], feeds: [] }));
    await lake.write(`${folder}/manifest.json`, JSON.stringify({ as_of_us: us - 60e6, more: true }));
    await lake.write(`${folder}/published.json`, JSON.stringify({ published_us: us }));
  };
  const point = async (generation: string, publishedMs: number): Promise<void> => {
    const us = publishedMs * 1000;
    const serving = servingPath(generation);
    await lake.write(
      'feeds/current.json',
      formatCurrentGeneration({
        generation,
        published_us: us,
        as_of_us: us - 60e6,
        feeds: 0,
        positions: 0,
        serving,
      }),
    );
  };
  await write('g1', g1PublishedMs);
  await write('g2', nowMs - 60_000);
  await point('g2', nowMs - 60_000);
  const clock = { nowMs };
  const generations = openGenerations({ ...lake, read }, () => clock.nowMs);
  await generations.poll();
  return { lake, failing, write, point, clock, generations, folder: generationFolder };
}

describe('a generation that a reader goes on in', () => {
  it('is read from the lake with the moment that it was ranked for, so that what was deleted since is known', async () => {
    const { generations } = await openSite();
    expect(generations.oldestAsOfUs).toBe((nowMs - 120_000) * 1000);
    expect(await generations.find('g1')).toMatchObject({
      id: 'g1',
      asOfUs: (nowMs - hourMs - 60_000) * 1000,
    });
    expect(generations.oldestAsOfUs).toBe((nowMs - hourMs - 60_000) * 1000);
  });

  it('is gone two days after it came into force, whether it is in memory or not; the one in force never is', async () => {
    const { generations, clock } = await openSite(nowMs - 47 * hourMs);
    expect(await generations.find('g1')).not.toBeNull();
    clock.nowMs += 2 * hourMs;
    expect(await generations.find('g1')).toBeNull();
    clock.nowMs += 100 * hourMs;
    expect((await generations.find('g2'))?.id).toBe('g2');
    const other = await openSite(nowMs - 49 * hourMs);
    expect(await other.generations.find('g1')).toBeNull();
  });

  it('is gone where it never came into force, or is damaged', async () => {
    for (const [name, content] of [
      ['published.json', null],
      ['manifest.json', null],
      ['serving.arrow', null],
      ['published.json', '{'],
      ['manifest.json', '{}'],
      ['serving.arrow', 'damaged'],
    ] as const) {
      const { generations, lake, folder } = await openSite();
      if (content === null) await lake.remove(`${folder('g1')}/${name}`);
      else await lake.write(`${folder('g1')}/${name}`, content);
      expect([name, content, await generations.find('g1')]).toEqual([name, content, null]);
    }
    const { generations } = await openSite();
    expect(await generations.find('invented')).toBeNull();
  });

  it('is asked for again where the lake can not be read, and not called gone', async () => {
    const { generations, failing } = await openSite();
    for (const name of ['published.json', 'manifest.json', 'serving.arrow']) {
      failing.add(name);
      await expect(generations.find('g1')).rejects.toMatchObject({ status: 503, retryAfterSeconds: 1 });
      failing.clear();
    }
    expect((await generations.find('g1'))?.id).toBe('g1');
  });

  it('is the one in force where another server has seen the pointer move first', async () => {
    const { generations, lake, write, point, folder } = await openSite();
    await write('g3', nowMs);
    await lake.remove(`${folder('g3')}/published.json`);
    await point('g3', nowMs);
    expect((await generations.find('g3'))?.id).toBe('g3');
    expect(generations.current?.id).toBe('g3');
  });
});
