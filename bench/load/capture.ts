import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { capture } from '../../extract/capture/index.ts';
import { loadConfig } from '../../ops/config/index.ts';
import { silenceProgress } from '../../ops/progress/index.ts';
import type { CaptureSettings, FromReader, ToReader } from './messages.ts';
import { memoryOf } from '../memory-of.ts';

// Capture's own process, as an operator runs it: websocket, verification, spool with fdatasync, sealed at the end.

const settings = JSON.parse(process.argv[2] ?? '') as CaptureSettings;
const { source, url, plcUrl, folder, count, warm, workers } = settings;
const tell = (message: FromReader): void => void process.send?.(message);
silenceProgress();

const config = loadConfig(
  {
    FEEDTRIAL_LAKE: path.join(folder, 'lake'),
    FEEDTRIAL_SPOOL: path.join(folder, 'spool'),
    FEEDTRIAL_VERIFY_WORKERS: String(workers),
    FEEDTRIAL_ALLOW_LOOPBACK: '1',
  },
  folder,
);

let goneMs = -Infinity;
let began = process.cpuUsage();
const { fdatasync } = fs;
if (settings.diskDelayMs > 0)
  fs.fdatasync = ((fd, callback) => {
    const slow = performance.now() - goneMs < settings.diskDelayForMs;
    fdatasync(fd, (error) => setTimeout(() => callback(error), slow ? settings.diskDelayMs : 0));
  }) as typeof fs.fdatasync;

process.on('message', (message: ToReader) => {
  if (message.kind !== 'go') return;
  goneMs = performance.now();
  began = process.cpuUsage();
  tell({ kind: 'going' });
});

/** Events of which capture says itself that they are in the spool. */
const taken = (): number => {
  try {
    const file = path.join(config.spool, `${source}.status.json`);
    return (JSON.parse(fs.readFileSync(file, 'utf8')) as { events: number }).events;
  } catch {
    return 0;
  }
};
void (async () => {
  while (taken() < warm) await wait(50);
  tell({ kind: 'warm' });
})();

const summary = await capture({
  config,
  source,
  url,
  plcUrl,
  collections: [],
  keepDuplicates: true,
  maxEvents: count,
});
const { user, system } = process.cpuUsage(began);
tell({
  kind: 'done',
  reading: {
    events: summary.events - warm,
    rows: summary.rows,
    rejected: Object.values(summary.rejected).reduce((sum, n) => sum + n, 0),
    seconds: (performance.now() - goneMs) / 1000,
    cpuSeconds: (user + system) / 1e6,
    rssMb: memoryOf().peakMb,
  },
});
process.disconnect();
