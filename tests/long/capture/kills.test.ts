import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { capture } from '../../../extract/capture/index.ts';
import { land } from '../../../extract/land/index.ts';
import { lockHolder, readPulse } from '../../../lake/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { landed } from '../../integration/land/spooling.ts';
import { startSyntheticServers } from '../../relay/synthetic.ts';

silenceProgress();

const kills = Number(process.env.FEEDTRIAL_TEST_KILLS ?? 200);
const landEvery = 20;

it(`captures that are killed ${kills} times land what one that is not killed would have, and state no gap that is none`, async () => {
  const network = await startSyntheticServers({ accounts: 100, events: 60 * kills, rate: 60 });
  onTestFinished(() => network.close());
  const config = configIn(temporaryFolder(), { FEEDTRIAL_VERIFY_WORKERS: '0' });
  const args = ['--url', network.relay.url, '--plc-url', network.directory.url];
  const lock = path.join(config.spool, 'firehose.lock');
  let killed = 0;
  let landings = 0;
  while (killed < kills) {
    const child = spawn(process.execPath, ['ops/cli/main.ts', 'capture', '--source', 'firehose', ...args], {
      cwd: projectRoot,
      stdio: 'ignore',
      env: {
        ...process.env,
        FEEDTRIAL_LAKE: config.lake,
        FEEDTRIAL_SPOOL: config.spool,
        FEEDTRIAL_VERIFY_WORKERS: killed % 4 === 0 ? '1' : '0',
      },
    });
    const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
    // from its first moment with the stream on: while it recovers, connects, writes, syncs
    while (lockHolder(lock)?.pid !== child.pid && child.exitCode === null) await wait(2);
    await wait(Math.random() * (killed % 3 === 0 ? 20 : 700));
    child.kill('SIGKILL');
    expect((await exited)[1]).toBe('SIGKILL');
    killed++;
    if (killed % landEvery === 0) {
      expect(await land({ config })).toMatchObject({ malformed: 0 });
      landings++;
    }
  }
  // the last one lives: from wherever the others came to until it has caught up
  const sent = network.events[network.relay.emitted - 1]?.seq ?? NaN;
  const stop = new AbortController();
  const last = capture({
    config,
    source: 'firehose',
    url: network.relay.url,
    plcUrl: network.directory.url,
    signal: stop.signal,
  });
  await expect
    .poll(
      () => {
        const pulse = readPulse(config.spool, 'firehose');
        return pulse?.pid === process.pid ? pulse.durableCursor : null;
      },
      { timeout: 300_000 },
    )
    .toBeGreaterThanOrEqual(sent);
  stop.abort();
  const reached = (await last).cursor as number;
  await land({ config });
  const offered = network.events
    .filter(({ seq }) => seq <= reached)
    .flatMap(({ seq, operations }) => operations.map(({ rkey }) => `${seq} ${rkey}`));
  const { records = [], gaps = [], rejected = [] } = await landed(config, ['records', 'gaps', 'rejected']);
  const rows = records.map(({ seq, rkey }) => `${String(seq)} ${String(rkey)}`);
  const firstSeq = Math.min(...records.map(({ seq }) => Number(seq)));
  const distinct = new Set(rows);
  const due = offered.filter((row) => parseInt(row, 10) >= firstSeq);
  // not thousands of lines of difference
  expect(due.filter((row) => !distinct.has(row)).slice(0, 5)).toEqual([]);
  expect(distinct.size).toBe(due.length);
  // the first of them that lived long enough saw most of the stream, however slow the machine is
  expect(due.length).toBeGreaterThan(offered.length / 2);
  expect(records.every(({ verified }) => verified === true)).toBe(true);
  expect(rejected).toEqual([]);
  const state = new Map<unknown, unknown>();
  for (const gap of gaps.toSorted((a, b) => Number(a.event_us) - Number(b.event_us)))
    if (gap.kind !== 'first_start') state.set(gap.gap_id, gap.state);
  expect([...state.values()].filter((said) => said !== 'closed')).toEqual([]);
  console.log(
    `${killed} kills, ${landings + 1} landings: ${due.length} operations offered, ${distinct.size} landed, and ${rows.length - distinct.size} rows of what was landed already; ${state.size} gaps, all closed; 0 breaks`,
  );
});
