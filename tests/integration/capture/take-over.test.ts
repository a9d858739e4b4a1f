import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { capture } from '../../../extract/capture/index.ts';
import { lockStream } from '../../../extract/capture/spool/lock.ts';
import { takeOver } from '../../../extract/capture/spool/take-over.ts';
import { readSeals } from '../../../lake/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import type { Config } from '../../../ops/config/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { hasData, realDidDocuments, realFrames } from '../../data.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { spooledRows, startPlcDouble, startRelayDouble } from '../../relay/index.ts';

silenceProgress();

const open: { close(): Promise<void> }[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const server of open.splice(0)) await server.close();
  vi.restoreAllMocks();
});

const started = (args: string[], config: Config) => {
  const child = spawn(
    path.join(projectRoot, 'node_modules/.bin/node'),
    ['ops/cli/main.ts', 'capture', '--source', 'firehose', ...args],
    {
      cwd: projectRoot,
      stdio: 'ignore',
      env: {
        ...process.env,
        FEEDTRIAL_LAKE: config.lake,
        FEEDTRIAL_SPOOL: config.spool,
        FEEDTRIAL_VERIFY_WORKERS: '0',
      },
    },
  );
  children.push(child);
  return { child, exited: once(child, 'exit') as Promise<[number | null, string | null]> };
};

const records = (config: Config) => spooledRows(config.spool).filter(({ t }) => t === 'record');
const soon = { timeout: 60_000, interval: 20 };

describe.skipIf(!hasData)('a capture that another takes over from', () => {
  const serve = async () => {
    const relay = await startRelayDouble({ frames: realFrames(), delayMs: 40 });
    const plc = await startPlcDouble(realDidDocuments());
    open.push(relay, plc);
    return { relay, args: ['--url', relay.url, '--plc-url', plc.url] };
  };

  it('seals and ends, and its successor goes on without a gap and without a row twice', async () => {
    const { relay, args } = await serve();
    const config = configIn(temporaryFolder());
    const first = started(args, config);
    await expect.poll(() => records(config).length, soon).toBeGreaterThan(10);
    const second = started([...args, '--take-over', '--idle-exit', '2'], config);
    expect(await first.exited).toEqual([0, null]);
    expect(await second.exited).toEqual([0, null]);
    const seals = readSeals(config.spool, 'firehose');
    expect(seals.map(({ recovered }) => recovered)).toEqual(seals.map(() => false));
    expect(relay.cursors).toEqual([null, seals[0]?.cursor]);
    const rows = records(config).map(
      ({ did, rkey, rev }) => `${did as string} ${rkey as string} ${rev as string}`,
    );
    expect(rows).toHaveLength(150);
    expect(new Set(rows).size).toBe(150);
    const gaps = spooledRows(config.spool).filter(({ t, kind }) => t === 'gap' && kind !== 'first_start');
    expect(gaps.map(({ state }) => state)).toEqual(['open', 'closed']);
    expect(fs.existsSync(`${config.spool}/firehose.takeover`)).toBe(false);
  });

  it('lets go only when its seal, its chain and its last pulse are written', async () => {
    const { relay, args } = await serve();
    const config = configIn(temporaryFolder(), { FEEDTRIAL_VERIFY_WORKERS: '0' });
    const pulse = path.join(config.spool, 'firehose.status.json');
    const isLocked = (): boolean => {
      try {
        lockStream(config.spool, 'firehose').release();
        return false;
      } catch (error) {
        expect(error).toMatchObject({ code: 'FT_CAPTURE_LOCKED' });
        return true;
      }
    };
    const whenWritten: Record<string, boolean> = {};
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own database
    const { close } = Database.prototype;
    vi.spyOn(Database.prototype, 'close').mockImplementation(function (this: Database.Database) {
      if (this.name.endsWith('repositories.sqlite')) whenWritten['chain'] = isLocked();
      return close.call(this);
    });
    const rename = fs.renameSync;
    vi.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
      rename(from, to);
      if (to === pulse) whenWritten['pulse'] = isLocked();
    });
    const summary = await capture({
      config,
      source: 'firehose',
      url: relay.url,
      plcUrl: args.at(-1),
      maxEvents: 20,
    });
    expect(summary.events).toBe(20);
    expect(whenWritten).toEqual({ chain: true, pulse: true });
    expect(isLocked()).toBe(false);
  });

  it('is followed at once where it was killed', async () => {
    const { args } = await serve();
    const config = configIn(temporaryFolder());
    const first = started(args, config);
    await expect.poll(() => records(config).length, soon).toBeGreaterThan(10);
    first.child.kill('SIGKILL');
    await first.exited;
    const lock = await takeOver(config.spool, 'firehose', { waitMs: 500 });
    lock.release();
  });

  it('is named where it does not let go, and the request does not outlive who asked', async () => {
    const config = configIn(temporaryFolder());
    const lock = lockStream(config.spool, 'firehose');
    const asking = capture({ config, source: 'firehose', takeOver: true, takeOverWaitMs: 300 });
    await expect.poll(() => fs.existsSync(`${config.spool}/firehose.takeover`), soon).toBe(true);
    await expect(asking).rejects.toMatchObject({
      code: 'FT_CAPTURE_LOCKED',
      message: expect.stringContaining(`process ${process.pid}`) as string,
    });
    expect(fs.existsSync(`${config.spool}/firehose.takeover`)).toBe(false);
    lock.release();
  });
});
