import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLake, recoverSegments } from '../../../lake/index.ts';
import { temporaryFolder } from '../../folders.ts';

const lakeModule = JSON.stringify(path.resolve('lake/index.ts'));

const seqOf = (line: Buffer) => (JSON.parse(line.toString()) as { seq: number }).seq;

describe('a pointer', () => {
  it('counts to the number of moves, with processes racing to move it', async () => {
    const root = temporaryFolder();
    const lake = openLake(root);
    await lake.write('counter', '0');
    const racer = `
      import { openLake } from ${lakeModule};
      const lake = openLake(${JSON.stringify(root)});
      for (let moved = 0; moved < 25;) {
        const seen = await lake.read('counter');
        try {
          await lake.swap('counter', seen, String(Number(seen.toString()) + 1));
          moved++;
        } catch (error) {
          if (error.code !== 'FT_LAKE_POINTER_RACED') throw error;
        }
      }`;
    const racers = [1, 2, 3].map(() =>
      spawn(process.execPath, ['--input-type=module', '-e', racer], {
        stdio: ['ignore', 'ignore', 'inherit'],
      }),
    );
    const codes = await Promise.all(racers.map(async (child) => (await once(child, 'exit'))[0] as number));
    expect(codes).toEqual([0, 0, 0]);
    expect((await lake.read('counter'))?.toString()).toBe('75');
  });

  it('can be moved after a publisher was killed while it held it', async () => {
    const root = temporaryFolder();
    const holder = `
      import fs from 'node:fs/promises';
      import { openLake } from ${lakeModule};
      const lake = openLake(${JSON.stringify(root)});
      lake.write = async () => process.kill(process.pid, 'SIGKILL');
      await lake.swap('feeds/current.json', null, 'never');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', holder], { stdio: 'inherit' });
    expect((await once(child, 'exit'))[1]).toBe('SIGKILL');
    const lake = openLake(root);
    await lake.swap('feeds/current.json', null, 'next');
    expect((await lake.read('feeds/current.json'))?.toString()).toBe('next');
  });
});

describe('a segment', () => {
  it('keeps every line that was flushed before the process was killed', () => {
    const spool = temporaryFolder();
    const writer = `
      import { openSegmentWriter } from ${lakeModule};
      const writer = openSegmentWriter({ spool: ${JSON.stringify(spool)}, stream: 'firehose', format: 'firehose/1' });
      for (let seq = 1; seq <= 500; seq++) writer.append(JSON.stringify({ seq }) + '\\n', 1, seq);
      writer.flush();
      writer.append('{"seq":501', 1, 501);
      process.kill(process.pid, 'SIGKILL');`;
    const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', writer], {
      encoding: 'utf8',
    });
    expect(signal).toBe('SIGKILL');
    const [seal] = recoverSegments({ spool, stream: 'firehose', format: 'firehose/1', cursorOf: seqOf });
    expect(seal).toMatchObject({ lines: 500, cursor: 500, recovered: true });
    expect(fs.readdirSync(path.join(spool, 'firehose')).filter((name) => name.endsWith('.owner'))).toEqual(
      [],
    );
  });
});
