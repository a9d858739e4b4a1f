import net from 'node:net';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openEngine, openLake, tables, writeRows } from '../../../lake/index.ts';
import { openSegmentWriter } from '../../../lake/segments/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { describeStatus, readStatus } from '../../../ops/status/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';

const nowMs = Date.UTC(2026, 6, 4, 12);
const us = (minutesAgo: number) => (nowMs - minutesAgo * 60_000) * 1000;
const read = (config: Config) => readStatus(config, () => nowMs);

/** Puts rows into a table as the part that owns it would; columns that are left out are null. */
async function fill(
  config: Config,
  rows: [keyof typeof tables, Record<string, string>, object[]][],
): Promise<void> {
  const engine = await openEngine();
  const lake = openLake(config.lake);
  for (const [table, partition, given] of rows)
    await writeRows(lake, engine, tables[table], partition, given as Record<string, unknown>[], 'part-1');
  await engine.close();
}

const hour = { dt: '2026-07-04', hour: '11' };

/** Runs the CLI as a user would, with everything in one folder. */
function cli(folder: string, args: string[], env: Record<string, string> = {}) {
  return execa(process.execPath, [path.join(projectRoot, 'ops/cli/feedtrial.js'), ...args], {
    cwd: folder,
    env: { FEEDTRIAL_LOG_LEVEL: 'silent', ...env },
    reject: false,
  });
}

describe('status', () => {
  test('of a fresh checkout says how to begin, and leaves nothing behind', async () => {
    const folder = temporaryFolder();
    const { stdout, exitCode } = await cli(folder, ['status'], { FEEDTRIAL_PORT: '0' });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^next .*npm run demo/m);
    expect((await execa('ls', ['-A', folder])).stdout).toBe('');
  });

  test('counts gaps that are open by their last statement, and rejected events by reason', async () => {
    const config = configIn(temporaryFolder());
    const gap = (id: string, state: string, at: number) => ({
      gap_id: id,
      kind: 'disconnect',
      state,
      from_us: us(at),
      event_us: us(at),
      source: 'firehose',
      ingested_at: us(at),
      segment: 's',
    });
    const rejected = (reason: string, minutesAgo: number) => ({
      reason,
      attempts: 1,
      event_us: us(minutesAgo),
      source: 'firehose',
      ingested_at: us(minutesAgo),
      segment: 's',
    });
    await fill(config, [
      ['gaps', { dt: '2026-07-04' }, [gap('a', 'open', 50), gap('a', 'closed', 40), gap('b', 'open', 30)]],
      [
        'rejected',
        hour,
        [
          rejected('bad_signature', 5),
          rejected('bad_signature', 6),
          rejected('too_big', 7),
          rejected('old', 12_000),
        ],
      ],
    ]);
    const { lake } = await read(config);
    expect(lake.gaps).toEqual([{ kind: 'disconnect', open: 1, oldestUs: us(30) }]);
    expect(lake.rejected.map((r) => [r.reason, r.events])).toEqual([
      ['bad_signature', 2],
      ['too_big', 1],
    ]);
  });

  test('takes lag and cursor from what is durable: the spool first, then what was landed', async () => {
    const config = configIn(temporaryFolder());
    const record = {
      did: 'd',
      collection: 'c',
      rkey: 'r',
      operation: 'create',
      rev: 'v',
      source: 'firehose',
    };
    const kept = { ...record, live: true, verified: true, ingested_at: us(20), segment: 's' };
    await fill(config, [
      [
        'records',
        { collection_group: '_other', ...hour },
        [
          { ...kept, event_us: us(20) },
          { ...kept, event_us: us(1), live: false },
        ],
      ],
    ]);
    expect((await read(config)).lake).toMatchObject({ records: 2, lastEventUs: us(20) });

    let clockMs = nowMs - 120_000;
    const writer = openSegmentWriter({
      spool: config.spool,
      stream: 'firehose',
      format: 'firehose/1',
      now: () => clockMs++,
    });
    writer.append(`${JSON.stringify({ t: 'record', event_us: us(3) })}\n`, 1, 41);
    await writer.seal();
    writer.append(`${JSON.stringify({ t: 'cursor', event_us: us(2) })}\n{"t":"half a li`, 1, 42);
    writer.flush();
    const status = await read(config);
    expect(status.streams).toMatchObject([
      { stream: 'firehose', cursor: 41, lastEventUs: us(2), sealedWaiting: 1, linesWaiting: 1, open: 1 },
    ]);
    expect(describeStatus(status).join('\n')).toContain('lag 2 min');
    expect(describeStatus(status).join('\n')).toContain("1 segment to be landed: 'feedtrial land'");
    await writer.close();
  });

  test('shows coverage as labelled posts of those that were to be labelled', async () => {
    const config = configIn(temporaryFolder());
    const label = (uri: string, status: string, attempt = 1) => ({
      uri,
      cid: 'c',
      version: '1',
      label: 'toxic',
      score: status === 'ok' ? 0.5 : null,
      status,
      attempt,
      run_id: 'r',
      labelled_at: us(9),
    });
    await fill(config, [
      [
        'labels',
        { labeler: 'student_toxicity', dt: '2026-07-04' },
        [label('a', 'failed'), label('a', 'ok', 2), label('b', 'ok'), label('c', 'failed')],
      ],
    ]);
    const lake = openLake(config.lake);
    const engine = await openEngine();
    await writeRows(
      lake,
      engine,
      { ...tables.queue, folder: 'queue/publish=p1' },
      {},
      ['d', 'e'].map((uri) => ({
        labeler: 'student_toxicity',
        version: '1',
        uri,
        cid: 'c',
        did: 'd',
        text: 't',
      })),
      'labels',
    );
    await engine.close();
    await lake.write('queue/current.json', JSON.stringify({ publish_id: 'p1' }));
    const status = await read(config);
    expect(status.lake.coverage).toEqual([
      { labeler: 'student_toxicity', labelled: 2, queued: 2, failed: 1 },
    ]);
    expect(describeStatus(status).join('\n')).toContain('40.0% of 5, 2 queued, 1 without an answer');
  });

  test('shows a stage that was killed as killed, with the run that it was part of', async () => {
    const folder = temporaryFolder();
    const config = configIn(folder);
    const script = `
      import { runStage } from ${JSON.stringify(path.join(projectRoot, 'ops/telemetry/index.ts'))};
      const options = { config: JSON.parse(process.argv[1]), dag: 'cycle', runId: 'the-killed' };
      await runStage({ ...options, stage: 'cycle' }, () => runStage({ ...options, stage: 'land' }, () => {
        console.log('at work');
        return new Promise((resolve) => setTimeout(resolve, 600_000));
      }));`;
    const child = execa(process.execPath, ['--input-type=module', '-e', script, JSON.stringify(config)], {
      reject: false,
      buffer: false,
    });
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await child;
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const statusOf = async () => (await readStatus(config)).runs.map((run) => [run.runId, run.status]);
    expect(await statusOf()).toEqual([['the-killed', 'running']]);
    child.kill('SIGKILL');
    await child;
    expect(await statusOf()).toEqual([['the-killed', 'killed']]);
    const shown = await cli(folder, ['runs', 'the-killed'], { FEEDTRIAL_SPOOL: config.spool });
    expect(shown.stdout).toMatch(/land +killed/);
    const unknown = await cli(folder, ['runs', 'nobody'], { FEEDTRIAL_SPOOL: config.spool });
    expect(unknown.exitCode).toBe(2);
    expect(unknown.stderr).toContain('FT_RUNS_UNKNOWN');
  });

  test('tells a server that is down from one that answers, and from something else on its port', async () => {
    const folder = temporaryFolder();
    const other = net.createServer((socket) => socket.resume().end('SSH-2.0-something\r\n'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as net.AddressInfo;
    const config = configIn(folder, { FEEDTRIAL_PORT: String(port) });
    expect((await read(config)).server).toMatchObject({ up: false });
    await new Promise((resolve) => other.close(resolve));
    expect((await read(config)).server).toMatchObject({ up: false, reason: 'nothing listens there' });
  });

  test('is one JSON document with --json', async () => {
    const { stdout } = await cli(temporaryFolder(), ['--json', 'status'], { FEEDTRIAL_PORT: '0' });
    expect(JSON.parse(stdout)).toMatchObject({ lake: { records: 0 }, next: expect.any(Array) as unknown });
  });
});
