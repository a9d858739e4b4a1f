import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { capture, type CaptureOptions } from '../../../extract/capture/index.ts';
import { openLake, readSeals } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { spooledRows } from '../../relay/index.ts';
import { startSyntheticServers, type SyntheticServers } from '../../relay/synthetic.ts';

silenceProgress();

let network: SyntheticServers | null = null;
afterEach(async () => {
  await network?.close();
  network = null;
});

/** Hosts of a cluster: one lake, and a spool each. */
function cluster() {
  const folder = temporaryFolder();
  const host = (name: string): Config =>
    configIn(path.join(folder, name), {
      FEEDTRIAL_LAKE: path.join(folder, 'lake'),
      FEEDTRIAL_VERIFY_WORKERS: '0',
    });
  const start = (config: Config, options: Partial<CaptureOptions> = {}) =>
    capture({
      config,
      source: 'firehose',
      url: network?.relay.url,
      plcUrl: network?.directory.url,
      lease: true,
      leaseEveryMs: 50,
      idleExitSeconds: 5,
      ...options,
    });
  return { host, start, leaseFile: path.join(folder, 'lake/leases/capture-firehose.json') };
}

const records = (config: Config): string[] =>
  spooledRows(config.spool)
    .filter(({ t }) => t === 'record')
    .map(({ seq, rkey }) => `${seq} ${rkey as string}`);
const gaps = (config: Config) => spooledRows(config.spool).filter(({ t }) => t === 'gap');
const offered = (): string[] =>
  (network as SyntheticServers).events.flatMap(({ seq, operations }) =>
    operations.map(({ rkey }) => `${seq} ${rkey}`),
  );

describe('captures that share a lake and no spool', () => {
  it('follow one another without a gap and without a row twice', async () => {
    network = await startSyntheticServers({ accounts: 20, events: 6_000, rate: 400 });
    const { host, start } = cluster();
    const [one, two, three] = [host('one'), host('two'), host('three')] as [Config, Config, Config];
    const first = start(one);
    await expect.poll(() => records(one).length, { timeout: 60_000 }).toBeGreaterThan(100);
    await expect(start(two)).rejects.toMatchObject({ code: 'FT_CAPTURE_LEASED', exitCode: 1 });
    const second = start(two, { takeOver: true });
    expect(await first).toMatchObject({ stoppedBy: 'successor' });
    await expect.poll(() => records(two).length, { timeout: 60_000 }).toBeGreaterThan(100);
    const third = start(three, { takeOver: true });
    expect(await second).toMatchObject({ stoppedBy: 'successor' });
    await third;
    expect([...records(one), ...records(two), ...records(three)]).toEqual(offered());
    expect(gaps(one).map(({ kind }) => kind)).toEqual(['first_start', 'first_start']);
    expect([...gaps(two), ...gaps(three)]).toEqual([]);
    // back on a host that had it before: its own, older cursor is not the one to go on from
    expect(await start(one, { idleExitSeconds: 1 })).toMatchObject({
      cursor: readSeals(three.spool, 'firehose').at(-1)?.cursor,
      rows: {},
    });
  });

  it('follow one that died from where it last said it was', async () => {
    network = await startSyntheticServers({ accounts: 20, events: 1_000, rate: 1_000 });
    const { host, start, leaseFile } = cluster();
    const [one, two] = [host('one'), host('two')] as [Config, Config];
    await start(one, { maxEvents: 400 });
    const left = JSON.parse(fs.readFileSync(leaseFile, 'utf8')) as Record<string, unknown>;
    expect(left).toMatchObject({ ended: true, cursor: readSeals(one.spool, 'firehose').at(-1)?.cursor });
    // as SIGKILL leaves it: not ended, and behind what is durable
    const behind = (left.cursor as number) - 50;
    const dead = { ...left, ended: false, cursor: behind, renewedMs: Date.now() - 61_000 };
    await openLake(one.lake).write('leases/capture-firehose.json', JSON.stringify(dead));
    await start(two);
    const all = [...records(one), ...records(two)];
    expect(records(two)[0]?.startsWith(`${behind + 1} `)).toBe(true);
    expect(all.length).toBeGreaterThan(offered().length);
    expect([...new Set(all)]).toEqual(offered());
  });

  it('end where another has taken the lease, which one that was cut off for long finds out', async () => {
    network = await startSyntheticServers({ accounts: 20, events: 5_000, rate: 500 });
    const { host, start } = cluster();
    const one = host('one');
    const running = start(one);
    await expect.poll(() => records(one).length, { timeout: 60_000 }).toBeGreaterThan(10);
    const other = { runId: 'other', host: 'elsewhere', pid: 1, renewedMs: Date.now(), ended: false };
    const lake = openLake(one.lake);
    const file = 'leases/capture-firehose.json';
    for (let taken = false; !taken;)
      taken = await lake.swap(file, await lake.read(file), JSON.stringify(other)).then(
        () => true,
        () => false, // it was being renewed
      );
    expect(await running).toMatchObject({ stoppedBy: 'successor' });
  });
});
