import { IdResolver, MemoryCache } from '@atproto/identity';
import { Firehose } from '@atproto/sync';
import type { CaptureSettings, FromReader, ToReader } from './messages.ts';
import { memoryOf } from '../memory-of.ts';

// The peer: @atproto/sync's Firehose with verification, a cache of DID documents in memory, and a handler that does
// nothing. It writes nothing down, which is to its advantage.

const { url, plcUrl, count, warm } = JSON.parse(process.argv[2] ?? '') as CaptureSettings;
const tell = (message: FromReader): void => void process.send?.(message);

let goneMs = 0;
let began = process.cpuUsage();
process.on('message', (message: ToReader) => {
  if (message.kind !== 'go') return;
  goneMs = performance.now();
  began = process.cpuUsage();
  tell({ kind: 'going' });
});

const seen = new Set<number>();
const rows: Record<string, number> = {};
let rejected = 0;
let told = false;
let finish: () => void = () => {};
const finished = new Promise<void>((resolve) => (finish = resolve));
const note = (): void => {
  if (!told && seen.size >= warm) {
    told = true;
    tell({ kind: 'warm' });
  }
  if (seen.size >= count) finish();
};
const firehose = new Firehose({
  service: url,
  idResolver: new IdResolver({ plcUrl, didCache: new MemoryCache(), fetch: globalThis.fetch }),
  unauthenticatedHandles: true,
  handleEvent(event) {
    rows[event.event] = (rows[event.event] ?? 0) + 1;
    seen.add(event.seq);
    note();
  },
  onError() {
    rejected++;
  },
});
void firehose.start();
await finished;
const { user, system } = process.cpuUsage(began);
tell({
  kind: 'done',
  reading: {
    events: seen.size - warm,
    rows,
    rejected,
    seconds: (performance.now() - goneMs) / 1000,
    cpuSeconds: (user + system) / 1e6,
    rssMb: memoryOf().peakMb,
  },
});
process.disconnect();
setTimeout(() => process.exit(0), 500).unref();
await firehose.destroy();
