import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
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

  it('sweeps what killed writers left, and nothing that is being written or was', async () => {
    const root = temporaryFolder();
    const lake = openLake(root);
    await lake.write('raw/dt=2026-07-04/kept.json', 'kept');
    const place = (name: string) => path.join(root, 'raw/dt=2026-07-04', name);
    const uuid = '3f2b8c1e-0d4a-4e6f-9a7b-1c2d3e4f5a6b';
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const left = [`a.parquet.${os.hostname()}.${dead}.${uuid}.tmp`, 'old.parquet.tmp'];
    const inWork = [
      `b.parquet.${os.hostname()}.${process.pid}.${uuid}.tmp`,
      `c.parquet.another-host.${dead}.${uuid}.tmp`,
      'young.parquet.tmp',
    ];
    for (const name of [...left, ...inWork]) fs.writeFileSync(place(name), 'half');
    const twoDaysAgo = Date.now() / 1000 - 2 * 86_400;
    fs.utimesSync(place('old.parquet.tmp'), twoDaysAgo, twoDaysAgo);
    expect(await lake.sweep(Date.now())).toBe(2);
    expect(fs.readdirSync(place('')).sort()).toEqual([...inWork, 'kept.json'].sort());
  });

  it('names a temporary file so that a sweep finds it when its writer was killed', async () => {
    const root = temporaryFolder();
    const writer = `
      import fs from 'node:fs/promises';
      import { openLake } from ${JSON.stringify(path.resolve('lake/index.ts'))};
      fs.rename = async () => process.kill(process.pid, 'SIGKILL');
      await openLake(${JSON.stringify(root)}).write('a/file', 'x'.repeat(1000));`;
    const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', writer]);
    expect(signal).toBe('SIGKILL');
    expect(fs.readdirSync(path.join(root, 'a'))).toHaveLength(1);
    expect(await openLake(root).sweep(Date.now())).toBe(1);
    expect(fs.readdirSync(path.join(root, 'a'))).toEqual([]);
  });

  it.each(['../outside', '/etc/passwd', 'raw/../../outside'])('refuses the path %s', (escape) => {
    expect(() => openLake(temporaryFolder()).uri(escape)).toThrow(FeedtrialError);
  });
});
