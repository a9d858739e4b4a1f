import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomInt } from 'node:crypto';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLake } from '../../../lake/index.ts';
import { temporaryFolder } from '../../folders.ts';
import { hasVersitygw, startS3, type S3Server } from '../../services/versitygw.ts';

const lakeModule = JSON.stringify(path.resolve('lake/index.ts'));

const start = (script: string, env: Record<string, string> = {}) =>
  spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });

describe.skipIf(!hasVersitygw)('publishers of a lake in a bucket', () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3();
  });
  afterAll(() => server.stop());

  it('count to the number of moves, as processes that race to move one pointer', async () => {
    const root = await server.bucket('counter');
    const lake = openLake(root);
    await lake.write('counter', '0');
    const racer = `
      import { openLake } from ${lakeModule};
      const lake = openLake(${JSON.stringify(root)});
      let lost = 0;
      await lake.write('ready/' + process.pid, '');
      while ((await lake.list('ready')).length < 3); // all begin at once
      for (let moved = 0; moved < 20;) {
        const seen = await lake.read('counter');
        try {
          await lake.swap('counter', seen, String(Number(Buffer.from(seen).toString()) + 1));
          moved++;
        } catch (error) {
          if (error.code !== 'FT_LAKE_POINTER_RACED') throw error;
          lost++;
        }
      }
      console.log(lost);`;
    const racers = [1, 2, 3].map(() => start(racer));
    const lost = racers.map(async (child) => Number((await child.stdout.toArray()).join('')));
    const codes = await Promise.all(racers.map(async (child) => (await once(child, 'exit'))[0] as number));
    expect(codes).toEqual([0, 0, 0]);
    expect(Buffer.from((await lake.read('counter')) ?? []).toString()).toBe('60');
    expect((await Promise.all(lost)).some((n) => n > 0)).toBe(true); // they did meet
  });

  it('leave a pointer that names whole files, wherever they are killed', async () => {
    const root = await server.bucket('killed');
    const lake = openLake(root);
    const publisher = `
      import { writeFileSync } from 'node:fs';
      import os from 'node:os';
      import { openLake } from ${lakeModule};
      const lake = openLake(${JSON.stringify(root)});
      for (let n = 0; ; n++) {
        const name = process.pid + '-' + n;
        const local = os.tmpdir() + '/feedtrial-publisher-' + name;
        const size = 20_000_000; // two parts
        writeFileSync(local, Buffer.alloc(size, n % 256));
        const seen = await lake.read('current.json');
        await lake.adopt(local, 'generation=' + name + '/feeds.parquet');
        await lake.write('generation=' + name + '/manifest.json', JSON.stringify({ size, byte: n % 256 }));
        await lake.swap('current.json', seen, name);
        if (n === 0) console.log('published');
      }`;
    const folder = temporaryFolder();
    const names: string[] = [];
    for (let life = 0; life < 6; life++) {
      const child = start(publisher, { TMPDIR: folder });
      await once(child.stdout, 'data');
      await sleep(randomInt(250));
      child.kill('SIGKILL');
      await once(child, 'exit');
      const name = Buffer.from((await lake.read('current.json')) ?? []).toString();
      names.push(name);
      const manifest = JSON.parse(
        Buffer.from((await lake.read(`generation=${name}/manifest.json`)) ?? []).toString(),
      ) as { size: number; byte: number };
      const content = Buffer.from((await lake.read(`generation=${name}/feeds.parquet`)) ?? []);
      expect(content.equals(Buffer.alloc(manifest.size, manifest.byte))).toBe(true);
    }
    expect(new Set(names).size).toBe(6); // each life went on from where the one before was killed
    for (const { path: file, bytes } of await lake.list(''))
      if (file.endsWith('feeds.parquet')) expect(bytes).toBe(20_000_000); // nothing half written is ever listed
    await lake.sweep(Date.now() + 2 * 86_400_000);
    const { S3 } = await import('@aws-sdk/client-s3');
    const s3 = new S3({ endpoint: server.endpoint, forcePathStyle: true });
    expect((await s3.listMultipartUploads({ Bucket: 'killed' })).Uploads ?? []).toEqual([]);
    s3.destroy();
  });
});
