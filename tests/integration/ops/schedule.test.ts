import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openLake } from '../../../lake/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { takeLease } from '../../../ops/cycle/lease.ts';
import { isAlive } from '../../../ops/runs/index.ts';
import { createStudy, openStudyStore } from '../../../study/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { spooledLines, startJetstreamDouble } from '../../relay/index.ts';
import { freePort } from '../../services/free-port.ts';

const node = path.join(projectRoot, 'node_modules/.bin/node');

/** Starts a script of the schedule as a timer would, with everything in one folder. */
function script(folder: string, name: string, args: string[] = [], env: Record<string, string> = {}) {
  const config = configIn(folder);
  const child = execa(node, [path.join(projectRoot, `ops/schedule/${name}.ts`), ...args], {
    cwd: folder,
    env: {
      FEEDTRIAL_LAKE: config.lake,
      FEEDTRIAL_PRIVATE_LAKE: config.privateLake,
      FEEDTRIAL_SPOOL: config.spool,
      FEEDTRIAL_WAREHOUSE: config.warehouse,
      FEEDTRIAL_STUDY_DB: config.studyDb,
      FEEDTRIAL_ALLOW_LOOPBACK: '1',
      FEEDTRIAL_PORT: '0',
      FEEDTRIAL_VERIFY_WORKERS: '0',
      FEEDTRIAL_LOG_LEVEL: 'info',
      ...env,
    },
    reject: false,
    all: true,
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await child;
  });
  return child;
}

interface Row {
  stage: string;
  status: string;
  pid: number;
}

function runRows(folder: string): Row[] {
  const runs = path.join(configIn(folder).spool, 'runs');
  return readdirSync(runs)
    .filter((name) => name.endsWith('.ndjson'))
    .flatMap((name) => readFileSync(path.join(runs, name), 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line) as Row);
}

describe('a job of the schedule', () => {
  test('does nothing, and well, while another of its kind is at work', async () => {
    const folder = temporaryFolder();
    const lake = openLake(configIn(folder).lake);
    const lease = await takeLease({ lake, name: 'schedule-land', runId: 'the-first' });
    const second = await script(folder, 'land');
    expect(second).toMatchObject({ exitCode: 0, all: expect.stringContaining('nothing to do') as string });
    await lease.release();
    const third = await script(folder, 'land');
    expect(third).toMatchObject({ exitCode: 0, all: expect.stringContaining('landed 1 segments') as string });
    expect(await lake.list('leases')).toEqual([]);
  });

  test('passes on how its command ended', async () => {
    const folder = temporaryFolder();
    expect((await script(folder, 'compact')).exitCode).toBe(0);
    expect(
      runRows(folder)
        .filter((row) => row.stage === 'compact')
        .map((row) => row.status),
    ).toEqual(['running', 'done']);
    expect((await script(folder, 'backup')).exitCode).toBe(2); // nowhere to back up to
    expect((await script(folder, 'land', ['--env', 'absent'])).exitCode).toBe(2);
  });

  test('that is killed takes its command along, and the next one goes on where it stopped', async () => {
    const folder = temporaryFolder();
    const config = configIn(folder);
    const event = (n: number) =>
      JSON.stringify({
        did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
        time_us: Date.now() * 1000 + n,
        kind: 'commit',
        commit: {
          rev: `3l${n}`,
          operation: 'create',
          collection: 'app.bsky.feed.like',
          rkey: `r${n}`,
          record: {},
          cid: 'c',
        },
      });
    const events = Array.from({ length: 300 }, (_, n) => event(n));
    const taken = () =>
      new Set(
        spooledLines(config.spool, 'jetstream').flatMap((line) => /"rkey":"(r\d+)"/.exec(line)?.[1] ?? []),
      ).size;
    const jetstream = await startJetstreamDouble(events.slice(0, 200));
    onTestFinished(() => jetstream.close());
    const first = script(folder, 'capture', ['--source', 'jetstream', '--url', jetstream.url]);
    await expect.poll(taken, { timeout: 60_000 }).toBe(200);
    const second = await script(folder, 'capture', ['--source', 'jetstream', '--url', jetstream.url]);
    expect(second).toMatchObject({ exitCode: 0, all: expect.stringContaining('already at work') as string });
    const [command] = runRows(folder).filter((row) => row.stage === 'capture.jetstream');
    first.kill('SIGKILL');
    await first;
    await expect.poll(() => isAlive(command?.pid ?? 0), { timeout: 60_000 }).toBe(false);

    const later = await startJetstreamDouble(events);
    onTestFinished(() => later.close());
    const third = script(folder, 'capture', ['--source', 'jetstream', '--url', later.url]);
    await expect.poll(taken, { timeout: 60_000 }).toBe(300);
    expect(later.queries[0]?.get('cursor')).toMatch(/^\d+$/);
    third.kill('SIGTERM');
    expect((await third).exitCode).toBe(0);
  });

  test('that stays up is started again where it is killed, and ends when it is told to', async () => {
    const folder = temporaryFolder();
    const store = await openStudyStore(configIn(folder));
    await createStudy(store, { study: 'default' }).catch(() => undefined);
    await store.close();
    const port = await freePort();
    const serving = script(folder, 'serve', [], { FEEDTRIAL_PORT: String(port) });
    const health = () =>
      fetch(`http://127.0.0.1:${port}/health`).then(
        (answer) => answer.status,
        () => 0,
      );
    await expect.poll(health, { timeout: 90_000, interval: 250 }).toBe(200);
    const [served] = runRows(folder).filter((row) => row.stage === 'serve');
    process.kill(served?.pid ?? 0, 'SIGKILL'); // as the system does where memory ends
    await expect.poll(health, { timeout: 60_000, interval: 10 }).toBe(0);
    await expect.poll(health, { timeout: 90_000, interval: 250 }).toBe(200);
    serving.kill('SIGTERM');
    expect((await serving).exitCode).toBe(0);
    expect(await health()).toBe(0);
  });
});
