import { readFileSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openLake } from '../../../lake/index.ts';
import { cycle, type CycleParts, type CycleSummary } from '../../../ops/cycle/cycle.ts';
import { takeLease } from '../../../ops/cycle/lease.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { EXIT, FeedtrialError } from '../../../ops/errors/index.ts';
import { setLogLevel } from '../../../ops/telemetry/log.ts';
import { configIn, temporaryFolder } from '../../folders.ts';

setLogLevel('silent'); // stages fail on purpose here

const label = { wrote: true, complete: true };

/** Fake parts that do nothing but note that they were called; each can be given its own. */
function fakeParts(given: Partial<CycleParts> = {}): { parts: CycleParts; called: string[] } {
  const called: string[] = [];
  const note = (name: keyof CycleParts, result: unknown) => async (argument?: string[] | string) => {
    called.push(argument === undefined || argument === 'everything' ? name : `${name} ${String(argument)}`);
    const own = given[name] as ((argument?: string[] | string) => Promise<unknown>) | undefined;
    return own ? own(argument) : result;
  };
  return {
    called,
    parts: {
      land: note('land', {}),
      transform: note('transform', {}),
      enrich: note('enrich', label) as CycleParts['enrich'],
      rank: note('rank', {}),
    },
  };
}

const fails = async (): Promise<never> => {
  throw new FeedtrialError('FT_TEST_BROKEN', 'it broke');
};
const statuses = (summary: CycleSummary) =>
  Object.fromEntries(summary.stages.map((s) => [s.stage, s.status]));

describe('a cycle', () => {
  test('builds the queue, asks for language, builds it again, asks the others, builds everything, then ranks', async () => {
    const { parts, called } = fakeParts();
    const summary = await cycle({ config: configIn(temporaryFolder()), parts });
    expect(called).toEqual([
      'land',
      'transform queue',
      'enrich language',
      'transform labels of the queue',
      'enrich',
      'transform',
      'rank',
    ]);
    expect(summary.exitCode).toBe(EXIT.done);
  });

  test('builds the queue once where no language is new', async () => {
    const { parts, called } = fakeParts({ enrich: async () => ({ wrote: false, complete: true }) });
    const summary = await cycle({ config: configIn(temporaryFolder()), parts });
    expect(called).toEqual(['land', 'transform queue', 'enrich language', 'enrich', 'transform', 'rank']);
    expect(summary.exitCode).toBe(EXIT.done);
  });

  test('goes on without a labeler that fails, and builds with the labels that it may have left', async () => {
    const { parts, called } = fakeParts({ enrich: fails });
    const summary = await cycle({ config: configIn(temporaryFolder()), parts });
    expect(called.filter((name) => name.startsWith('transform'))).toHaveLength(3);
    expect(statuses(summary)).toMatchObject({ enrich: 'failed', rank: 'done' });
    expect(summary.exitCode).toBe(EXIT.partial);
  });

  test('labels the last whole queue but does not rank where the models cannot be built', async () => {
    const { parts, called } = fakeParts({ transform: fails });
    const summary = await cycle({ config: configIn(temporaryFolder()), parts });
    expect(called).toEqual(['land', 'transform queue', 'enrich language', 'enrich']);
    expect(statuses(summary)).toMatchObject({
      transform_queue: 'failed',
      transform: 'skipped',
      rank: 'skipped',
    });
    expect(summary.stages.find((s) => s.stage === 'transform_queue')?.reason).toBe(
      'FT_TEST_BROKEN: it broke',
    );
    expect(summary.exitCode).toBe(EXIT.partial);
  });

  test('does not rank on models whose last build failed', async () => {
    let builds = 0;
    const { parts, called } = fakeParts({ transform: async () => (++builds === 3 ? fails() : {}) });
    await cycle({ config: configIn(temporaryFolder()), parts });
    expect(called).not.toContain('rank');
  });

  test('ranks what is there where landing fails', async () => {
    const { parts } = fakeParts({ land: fails });
    const summary = await cycle({ config: configIn(temporaryFolder()), parts });
    expect(statuses(summary)).toMatchObject({ land: 'failed', rank: 'done' });
  });

  test('exits 4 where a guardrail refused to publish, 1 where nothing worked', async () => {
    const refused = async () => {
      throw new FeedtrialError('FT_RANK_REFUSED', 'empty feeds', { exitCode: EXIT.refused });
    };
    const config = configIn(temporaryFolder());
    expect((await cycle({ config, parts: fakeParts({ rank: refused }).parts })).exitCode).toBe(EXIT.refused);
    const broken = fakeParts({ land: fails, transform: fails, enrich: fails, rank: fails });
    expect((await cycle({ config, parts: broken.parts })).exitCode).toBe(EXIT.failed);
  });

  test('begins no stage after it was told to stop', async () => {
    const stop = new AbortController();
    const { parts, called } = fakeParts({ transform: async () => stop.abort() });
    const summary = await cycle({ config: configIn(temporaryFolder()), parts, signal: stop.signal });
    expect(called).toEqual(['land', 'transform queue']);
    expect(summary.exitCode).toBe(EXIT.partial);
  });

  test('leaves one run record that says how each stage ended', async () => {
    const config = configIn(temporaryFolder());
    const summary = await cycle({ config, parts: fakeParts({ rank: fails }).parts });
    const folder = path.join(config.spool, 'runs');
    const rows = readdirSync(folder)
      .filter((name) => name.endsWith('.ndjson'))
      .flatMap((name) => readFileSync(path.join(folder, name), 'utf8').trim().split('\n'))
      .map((line) => JSON.parse(line) as { status: string; run_id: string; detail: string | null });
    const last = rows.find((row) => row.status === 'partial');
    expect(last?.run_id).toBe(summary.runId);
    expect(JSON.parse(last?.detail ?? '{}')).toMatchObject({ stages: { land: 'done', rank: 'failed' } });
  });
});

describe('the lease of a cycle', () => {
  test('lets one cycle run at a time, and says who runs', async () => {
    const config = configIn(temporaryFolder());
    let second: unknown = null;
    const { parts } = fakeParts({
      land: async () => {
        second = await cycle({ config, parts: fakeParts().parts }).catch((error: unknown) => error);
      },
    });
    await cycle({ config, parts });
    expect(second).toMatchObject({ code: 'FT_CYCLE_HELD' });
    expect(String(second)).toContain(`process ${process.pid} on ${os.hostname()}`);
    expect((await cycle({ config, parts: fakeParts().parts })).exitCode).toBe(EXIT.done);
  });

  test('is taken over from a process that was killed, and only by one of many that try', async () => {
    const folder = temporaryFolder();
    const script = `
      import { openLake } from ${JSON.stringify(path.join(projectRoot, 'lake/index.ts'))};
      import { takeLease } from ${JSON.stringify(path.join(projectRoot, 'ops/cycle/lease.ts'))};
      await takeLease({ lake: openLake(process.argv[1]), name: 'cycle', runId: 'the-dead' });
      console.log('taken');
      setInterval(() => {}, 1000);`;
    const child = execa(process.execPath, ['--input-type=module', '-e', script, folder], {
      reject: false,
      buffer: false,
    });
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await child;
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const lake = openLake(folder);
    await expect(takeLease({ lake, name: 'cycle', runId: 'too-early' })).rejects.toMatchObject({
      code: 'FT_CYCLE_HELD',
    });
    child.kill('SIGKILL');
    await child;
    const tries = await Promise.allSettled(
      [1, 2, 3, 4].map((n) => takeLease({ lake, name: 'cycle', runId: `heir-${n}` })),
    );
    const taken = tries.filter((outcome) => outcome.status === 'fulfilled');
    expect(taken).toHaveLength(1);
    expect(taken[0]?.value.takenOverFrom?.runId).toBe('the-dead');
    await taken[0]?.value.release();
    expect(await lake.exists('leases/cycle.json')).toBe(false);
  });

  test('is kept by a holder on another machine until it has been silent for ten minutes', async () => {
    const lake = openLake(temporaryFolder());
    let nowMs = 1_000_000;
    const now = () => nowMs;
    await takeLease({ lake, name: 'cycle', runId: 'there', host: 'elsewhere', now });
    nowMs += 599_000;
    await expect(takeLease({ lake, name: 'cycle', runId: 'here', now })).rejects.toMatchObject({
      code: 'FT_CYCLE_HELD',
    });
    nowMs += 1_000;
    const lease = await takeLease({ lake, name: 'cycle', runId: 'here', now });
    expect(lease.takenOverFrom?.host).toBe('elsewhere');
    await lease.release();
  });

  test("is taken over from a dead process whose id is somebody else's now", async () => {
    const lake = openLake(temporaryFolder());
    let nowMs = 1_000_000;
    const options = { lake, name: 'cycle', now: () => nowMs, alive: () => true };
    const holder = { runId: 'the-dead', host: os.hostname(), takenMs: nowMs, renewedMs: nowMs };
    // the same id again, as the first process of a container that was started anew has it
    await lake.write(
      'leases/cycle.json',
      JSON.stringify({ ...holder, pid: process.pid, process: 'another' }),
    );
    await (await takeLease({ ...options, runId: 'heir' })).release();

    await lake.write('leases/cycle.json', JSON.stringify({ ...holder, pid: 1, process: 'another' }));
    await expect(takeLease({ ...options, runId: 'too-early' })).rejects.toMatchObject({
      code: 'FT_CYCLE_HELD',
    });
    nowMs += 3_600_000;
    const lease = await takeLease({ ...options, runId: 'heir' });
    expect(lease.takenOverFrom?.runId).toBe('the-dead');
    await lease.release();
  });
});
