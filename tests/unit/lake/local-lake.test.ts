import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLake } from '../../../lake/index.ts';
import { FeedtrialError } from '../../../ops/errors/index.ts';
import { temporaryFolder } from '../../folders.ts';

const text = (content: Uint8Array | null) => (content === null ? null : Buffer.from(content).toString());

describe('a pointer', () => {
  it('moves for one of many publishers that saw the same value', async () => {
    const lake = openLake(temporaryFolder());
    await lake.swap('feeds/current.json', null, 'first');
    const seen = await lake.read('feeds/current.json');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => lake.swap('feeds/current.json', seen, `publisher ${n}`)),
    );
    const winners = outcomes.flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []));
    expect(winners).toHaveLength(1);
    expect(text(await lake.read('feeds/current.json'))).toBe(`publisher ${winners[0]}`);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ code: 'FT_LAKE_POINTER_RACED' });
  });
});

describe('a lake in a folder', () => {
  it('creates a file for one of many, and lists no work in progress', async () => {
    const root = temporaryFolder();
    const lake = openLake(root);
    const created = await Promise.all(Array.from({ length: 8 }, (_, n) => lake.create('once/claim', `${n}`)));
    expect(created.filter(Boolean)).toHaveLength(1);
    expect(text(await lake.read('once/claim'))).toBe(String(created.indexOf(true)));
    fs.writeFileSync(path.join(root, 'once/half.parquet.123.tmp'), 'half');
    await lake.swap('once/pointer', null, 'a');
    expect((await lake.list('')).map((file) => file.path)).toEqual(['once/claim', 'once/pointer']);
    expect(await lake.list('absent')).toEqual([]);
  });

  it('adopts a file whole and takes it away from where it was', async () => {
    const root = temporaryFolder();
    const lake = openLake(path.join(root, 'lake'));
    const local = path.join(root, 'made');
    fs.writeFileSync(local, 'rows');
    await lake.adopt(local, 'raw/records/dt=2026-07-04/a.parquet');
    expect(text(await lake.read('raw/records/dt=2026-07-04/a.parquet'))).toBe('rows');
    expect(fs.existsSync(local)).toBe(false);
  });

  it.each(['../outside', '/etc/passwd', 'raw/../../outside'])('refuses the path %s', (escape) => {
    expect(() => openLake(temporaryFolder()).uri(escape)).toThrow(FeedtrialError);
  });
});
