import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { land } from '../../../extract/land/index.ts';
import { listSealed, openSegmentWriter, readSeals, resumeCursor } from '../../../lake/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { firehoseLine, landed, spool, unlanded, type JetstreamEvent } from './spooling.ts';

const event = (n: number): JetstreamEvent => ({
  did: `did:plc:${String(n % 5).repeat(24)}`,
  time_us: Date.UTC(2026, 6, 4, 12) * 1000 + n,
  kind: 'commit',
  commit: {
    rev: `rev${n}`,
    operation: 'create',
    collection: 'app.bsky.feed.post',
    rkey: `key${n}`,
    record: { n },
    cid: `bafy${n}`,
  },
});

describe('landing', () => {
  it('runs while a writer appends, and every line lands once', async () => {
    const config = configIn(temporaryFolder());
    const writer = openSegmentWriter({
      spool: config.spool,
      stream: 'firehose',
      format: 'firehose/1',
      maxBytes: 20_000,
    });
    const total = 3_000;
    const writing = (async () => {
      for (let n = 0; n < total; n++) {
        writer.append(`${firehoseLine(event(n), n)}\n`, 1, n);
        if (n % 20 === 19) {
          await writer.sync();
          await writer.rotateIfDue();
          await sleep(2);
        }
      }
    })();
    let landings = 0;
    let writingIsDone = false;
    void writing.finally(() => (writingIsDone = true));
    while (!writingIsDone) {
      await land({ config });
      landings++;
    }
    await writing;
    expect(unlanded(config, 'firehose').length).toBeGreaterThan(0); // the open segment was left alone
    await writer.close();
    await land({ config });
    expect(landings).toBeGreaterThan(0);
    const { records = [] } = await landed(config, ['records']);
    expect(records.map(({ seq }) => Number(seq)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: total }, (_, n) => n),
    );
    expect(resumeCursor(config.spool, 'firehose')).toBe(total - 1);
  });

  it('of one spool is done by one at a time, and the other lands what is left', async () => {
    const config = configIn(temporaryFolder());
    await spool(
      config,
      'firehose',
      'firehose/1',
      Array.from({ length: 50 }, (_, n) => firehoseLine(event(n), n)),
    );
    let inside = 0;
    let most = 0;
    const one = () =>
      land({
        config,
        onStep: (step) => {
          if (step === 'planned') most = Math.max(most, ++inside);
          if (step === 'plan-removed') inside--;
        },
      });
    await Promise.all([one(), one(), one()]);
    expect(most).toBe(1);
    expect((await landed(config, ['records'])).records).toHaveLength(50);
  });

  it('says who holds the spool when it cannot wait', async () => {
    const folder = temporaryFolder();
    const config = configIn(folder);
    await spool(config, 'firehose', 'firehose/1', [firehoseLine(event(1), 1)]);
    const holder = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `
        import { land } from ${JSON.stringify(path.resolve('extract/land/index.ts'))};
        import { loadConfig } from ${JSON.stringify(path.resolve('ops/config/index.ts'))};
        const config = loadConfig({ FEEDTRIAL_LAKE: 'lake', FEEDTRIAL_SPOOL: 'spool' }, ${JSON.stringify(folder)});
        await land({ config, onStep: () => { console.log('holding'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000); } });`,
      ],
      { env: { ...process.env, TMPDIR: folder }, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    onTestFinished(() => {
      holder.kill('SIGKILL');
    });
    await once(holder.stdout, 'data');
    await expect(land({ config, waitMs: 0 })).rejects.toMatchObject({
      code: 'FT_LAND_BUSY',
      message: expect.stringContaining(`process ${holder.pid} `) as unknown,
    });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    // nothing is stale: the lock went with the process
    expect(await land({ config, waitMs: 0 })).toMatchObject({ rows: { records: 1 } });
  });

  it('stops between batches when it is told to', async () => {
    const config = configIn(temporaryFolder());
    for (let n = 0; n < 4; n++) await spool(config, 'firehose', 'firehose/1', [firehoseLine(event(n), n)]);
    const stop = new AbortController();
    const summary = await land({
      config,
      signal: stop.signal,
      maxBatchBytes: 1,
      onStep: (step) => {
        if (step === 'decoded') stop.abort();
      },
    });
    expect(summary.batches).toHaveLength(1);
    expect(
      listSealed(config.spool).filter(({ stream }) => stream === 'firehose').length,
    ).toBeGreaterThanOrEqual(3);
    await land({ config });
    expect((await landed(config, ['records'])).records).toHaveLength(4);
  });

  it('refuses a segment that is not what was sealed, loudly, and lands the others', async () => {
    const config = configIn(temporaryFolder());
    const damaged = await spool(config, 'firehose', 'firehose/1', [
      firehoseLine(event(1), 1),
      firehoseLine(event(2), 2),
    ]);
    const short = await spool(config, 'firehose', 'firehose/1', [
      firehoseLine(event(3), 3),
      firehoseLine(event(4), 4),
    ]);
    await spool(config, 'firehose', 'firehose/1', [firehoseLine(event(5), 5)]);
    const fileOf = (id = '') => path.join(config.spool, 'firehose', `${id}.ndjson`);
    const content = fs.readFileSync(fileOf(damaged?.id));
    content[40] = (content[40] ?? 0) ^ 1;
    fs.writeFileSync(fileOf(damaged?.id), content);
    fs.truncateSync(fileOf(short?.id), 100);
    const error = await land({ config }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'FT_LAND_SEGMENT_CORRUPT', exitCode: 1 });
    expect(String(error)).toContain(damaged?.id);
    expect(String(error)).toContain(short?.id);
    expect(fs.existsSync(fileOf(damaged?.id))).toBe(true);
    expect((await landed(config, ['records'])).records).toMatchObject([{ rkey: 'key5' }]);
    fs.rmSync(fileOf(damaged?.id));
    fs.rmSync(fileOf(short?.id));
    expect((await land({ config })).skipped).toEqual([]);
    const { runs = [] } = await landed(config, ['runs']);
    expect(
      runs.some(
        ({ stage, status, error: said }) =>
          stage === 'land' && status === 'failed' && String(said).startsWith('FT_LAND_SEGMENT_CORRUPT'),
      ),
    ).toBe(true);
  });

  it('leaves a format that it does not know where it is, and says so', async () => {
    const config = configIn(temporaryFolder());
    await spool(config, 'somewhere', 'unheard-of/9', ['{}']);
    const { skipped } = await land({ config });
    expect(skipped).toMatchObject([{ reason: "nothing lands the format 'unheard-of/9'" }]);
    expect(unlanded(config, 'somewhere')).toHaveLength(1);
  });

  it('seals and lands what a dead server and a dead run left open', async () => {
    const folder = temporaryFolder();
    const config = configIn(folder);
    const line = JSON.stringify({
      t: 'exposure',
      req_id: 'a',
      served_us: Date.UTC(2026, 6, 4) * 1000,
      feed_offset: 0,
      uris: ['at://x'],
    });
    const script = `
      import { openSegmentWriter } from ${JSON.stringify(path.resolve('lake/index.ts'))};
      const writer = openSegmentWriter({ spool: ${JSON.stringify(config.spool)}, stream: 'serve', format: 'exposures/1' });
      writer.append(${JSON.stringify(`${line}\n{"t":"exposure","req_`)}, 2, null);
      writer.flush();
      process.kill(process.pid, 'SIGKILL');`;
    const server = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
    await once(server, 'exit');
    const living = openSegmentWriter({ spool: config.spool, stream: 'serve', format: 'exposures/1' });
    living.append(`${line}\n`, 1, null);
    living.flush();
    expect(await land({ config })).toMatchObject({ recovered: 1, rows: { exposures: 1 }, malformed: 0 });
    await living.close();
    expect(await land({ config })).toMatchObject({ recovered: 0, rows: { exposures: 1 } });
  });

  it('keeps no more seals than are needed', async () => {
    const config = configIn(temporaryFolder());
    for (let n = 0; n < 40; n++) await spool(config, 'firehose', 'firehose/1', [firehoseLine(event(n), n)]);
    await land({ config });
    expect(readSeals(config.spool, 'firehose').length).toBeLessThanOrEqual(33);
    expect((await landed(config, ['records'])).records).toHaveLength(40);
  });
});
