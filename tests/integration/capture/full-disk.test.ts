import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { capture } from '../../../extract/capture/index.ts';
import { readPulse, readSeals } from '../../../lake/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { spooledRows } from '../../relay/index.ts';
import { startSyntheticServers } from '../../relay/synthetic.ts';

silenceProgress();

/** A file system of its own, of so many MB; null where this user may not mount one. */
function smallDisk(megabytes: number): string | null {
  const folder = path.join(temporaryFolder(), 'disk');
  fs.mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return null;
  }
  onTestFinished(() => void execFileSync('umount', ['-l', folder], { stdio: 'ignore' }));
  return folder;
}

it('a disk that is really full: capture stops taking, says so, and goes on when there is room, without a loss', async ({
  skip,
}) => {
  const disk = smallDisk(8);
  if (disk === null) {
    console.warn('SKIPPED: a full disk. Only root may mount the small file system that this test fills.');
    skip();
    return;
  }
  const events = 8_000;
  const network = await startSyntheticServers({ accounts: 20, events, rate: 1_500 });
  onTestFinished(() => network.close());
  const config = configIn(temporaryFolder(), {
    FEEDTRIAL_SPOOL: path.join(disk, 'spool'),
    FEEDTRIAL_VERIFY_WORKERS: '0',
  });
  const running = capture({
    config,
    source: 'firehose',
    url: network.relay.url,
    plcUrl: network.directory.url,
    maxEvents: events,
    idleExitSeconds: 60,
  });
  running.catch(() => undefined);
  const soon = { timeout: 60_000, interval: 50 };
  await expect.poll(() => readPulse(config.spool, 'firehose')?.events ?? 0, soon).toBeGreaterThan(0);
  const filler = path.join(disk, 'filler');
  const file = fs.openSync(filler, 'w');
  expect(() => {
    for (;;) fs.writeSync(file, Buffer.alloc(65_536));
  }).toThrow(/ENOSPC/);
  await expect.poll(() => readPulse(config.spool, 'firehose')?.stalled ?? null, soon).toMatch(/ENOSPC/);
  const stood = readPulse(config.spool, 'firehose')?.durableCursor;
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  // what is not on the disk is not acknowledged
  expect(readPulse(config.spool, 'firehose')?.durableCursor).toBe(stood);

  fs.closeSync(file);
  fs.rmSync(filler);
  const summary = await running;
  const operations = network.events.flatMap((event) =>
    event.operations.map((op) => `${event.seq} ${op.rkey}`),
  );
  expect(summary).toMatchObject({ events, rejected: {} });
  const rows = spooledRows(config.spool).filter(({ t }) => t === 'record');
  expect(rows.map(({ seq, rkey }) => `${seq} ${rkey as string}`)).toEqual(operations);
  expect(readSeals(config.spool, 'firehose').at(-1)?.cursor).toBe(summary.cursor);
});
