import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLake, type Lake } from '../../../lake/index.ts';
import { copyLake } from '../../../ops/lake/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { temporaryFolder } from '../../folders.ts';
import { hasVersitygw, startS3, type S3Server } from '../../services/versitygw.ts';

async function contentsOf(lake: Lake): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { path: file } of await lake.list(''))
    found[file] = Buffer.from((await lake.read(file)) ?? []).toString('base64');
  return found;
}

async function fill(lake: Lake, files: number): Promise<void> {
  for (let n = 0; n < files; n++)
    await lake.write(
      `raw/records/collection_group=a/dt=2026-07-04/hour=06/${n}.parquet`,
      randomBytes(1000 + n),
    );
  await lake.write('feeds/generation=one/feeds.parquet', randomBytes(17_000_000));
  await lake.write('feeds/generation=one/manifest.json', '{"files": {}}');
  await lake.write('feeds/current.json', '{"generation": "one"}');
  await lake.write('leases/cycle.json', '{"runId": "of the source"}');
}

describe.skipIf(!hasVersitygw)('a copy of a lake', () => {
  let server: S3Server;
  beforeAll(async () => {
    silenceProgress();
    server = await startS3();
  });
  afterAll(async () => {
    silenceProgress(false);
    await server.stop();
  });

  it('is the same in S3 and back in a folder, leases left out, and a second one copies pointers alone', async () => {
    const source = openLake(temporaryFolder());
    await fill(source, 20);
    const bucket = openLake(`${await server.bucket('copies')}/lake`);
    const there = await copyLake({ from: source, to: bucket, checksum: true });
    expect(there).toMatchObject({ copied: 23, kept: 0, gone: 0, differ: [], stopped: false });
    const back = openLake(temporaryFolder());
    await copyLake({ from: bucket, to: back });
    const { 'leases/cycle.json': lease, ...expected } = await contentsOf(source);
    expect(lease).toBeDefined();
    expect(await contentsOf(back)).toEqual(expected);
    expect(await copyLake({ from: source, to: bucket })).toMatchObject({ copied: 1, kept: 22 });
    await source.write('feeds/current.json', '{"generation": "two"}');
    await copyLake({ from: source, to: bucket, prefix: 'feeds' });
    expect(Buffer.from((await bucket.read('feeds/current.json')) ?? []).toString()).toContain('two');
  });

  it('finds by content what has the same size, where it is asked to', async () => {
    const source = openLake(temporaryFolder());
    const target = openLake(await server.bucket('altered'));
    await source.write('raw/a.parquet', 'right');
    await target.write('raw/a.parquet', 'wrong');
    expect(await copyLake({ from: source, to: target })).toMatchObject({ copied: 0, kept: 1 });
    expect(await copyLake({ from: source, to: target, checksum: true })).toMatchObject({
      copied: 1,
      kept: 0,
    });
    expect(Buffer.from((await target.read('raw/a.parquet')) ?? []).toString()).toBe('right');
  });

  it('goes on where one was killed, and never points to what is not there', async () => {
    const folder = temporaryFolder();
    const source = openLake(folder);
    await fill(source, 300);
    const root = await server.bucket('killed-copy');
    const target = openLake(root);
    const cli = path.resolve('ops/cli/main.ts');
    const copy = () =>
      spawn(process.execPath, [cli, '--json', 'lake', 'copy', folder, root, '--parallel', '1'], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          ...process.env,
          FEEDTRIAL_SPOOL: path.join(temporaryFolder(), 'spool'),
          TMPDIR: temporaryFolder(),
        },
      });
    const killed = copy();
    while ((await target.list('raw')).length < 30) {
      if (killed.exitCode !== null) throw new Error(`the copy ended with ${killed.exitCode}`);
      await sleep(10);
    }
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    const half = (await target.list('')).map((file) => file.path);
    if (half.includes('feeds/current.json')) expect(half).toHaveLength(303);
    const again = copy();
    const printed = (await again.stdout.toArray()).join('');
    const summary = JSON.parse(printed) as { copied: number; kept: number };
    expect(summary.kept).toBeGreaterThanOrEqual(30);
    expect(summary.copied + summary.kept).toBe(303);
    const { 'leases/cycle.json': lease, ...expected } = await contentsOf(source);
    expect(lease).toBeDefined();
    expect(await contentsOf(target)).toEqual(expected);
  });

  it('refuses to copy a lake into itself, and says where there is nothing', async () => {
    const folder = temporaryFolder();
    await expect(
      copyLake({ from: openLake(folder), to: openLake(path.join(folder, 'inside')) }),
    ).rejects.toMatchObject({ code: 'FT_LAKE_COPY_SAME' });
    await expect(copyLake({ from: openLake(temporaryFolder()), to: openLake(folder) })).rejects.toMatchObject(
      { code: 'FT_LAKE_COPY_EMPTY' },
    );
  });
});
