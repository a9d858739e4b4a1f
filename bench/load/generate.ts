import { setTimeout as wait } from 'node:timers/promises';
import type { Socket } from 'node:net';
import { openSyntheticNetwork, startSyntheticDirectory, stampSeq } from '../../ops/rehearse/index.ts';
import { expectedEvents, realDidDocuments, realFrames } from '../../tests/data.ts';
import type { FromLoad, LoadSettings, ToLoad } from './messages.ts';
import { startRawWebsocket, websocketFrame, writeAll } from './raw-websocket.ts';

// The load generator's process: makes every message beforehand, then writes them. Its CPU time is not the reader's.

const settings = JSON.parse(process.argv[2] ?? '') as LoadSettings;
const { kind, count, warm, accounts } = settings;
const rate = settings.rate ?? Infinity;
const tell = (message: FromLoad): void => void process.send?.(message);

let documentOf: (did: string) => Record<string, unknown> | undefined = () => undefined;
let operations = 0;

function* messages(): Generator<Buffer> {
  if (kind === 'jetstream') {
    const lines = expectedEvents().map((event) => Buffer.from(JSON.stringify(event)));
    for (let i = 0; i < count; i++) yield websocketFrame(lines[i % lines.length] as Buffer, false);
  } else if (kind === 'real') {
    const frames = realFrames();
    const documents = realDidDocuments();
    documentOf = (did) => documents[did];
    for (let i = 0; i < count; i++) {
      const frame = Buffer.from(frames[i % frames.length] as Buffer);
      if (!stampSeq(frame, 2 ** 34 + i)) throw new Error('a frame without a long seq');
      yield websocketFrame(frame, true);
    }
  } else {
    const network = openSyntheticNetwork({ seed: 'bench', accounts });
    documentOf = (did) => network.document(did);
    const startUs = Date.now() * 1000 - count * 1_000;
    for (let i = 0; i < count; i++) {
      const event = network.next(startUs + i * 1_000);
      operations += event.operations.length;
      yield websocketFrame(event.frame, true);
    }
  }
}

/** Messages joined by up to 64 KB, so that a write is a system call for many; `upTo` is the message after the last. */
const chunks: { bytes: Buffer; upTo: number }[] = [];
let parts: Buffer[] = [];
let size = 0;
let made = 0;
const perTick = Number.isFinite(rate) ? Math.max(1, Math.floor(rate / 100)) : Infinity;
const close = (): void => {
  if (parts.length > 0) chunks.push({ bytes: Buffer.concat(parts), upTo: made });
  parts = [];
  size = 0;
};
let bytes = 0;
for (const message of messages()) {
  parts.push(message);
  size += message.length;
  bytes += message.length;
  made++;
  if (size >= 65_536 || made === warm || (made > warm && parts.length >= perTick)) close();
}
close();

let goneMs = -Infinity;
const directory = await startSyntheticDirectory({
  document: (did) => documentOf(did),
  delayMs: () => (performance.now() - goneMs < settings.directoryDelayForMs ? settings.directoryDelayMs : 0),
});

let next = 0;
let socket: Socket | null = null;
const take = (until: number) => (): Buffer | null => {
  const chunk = chunks[next];
  if (chunk === undefined || chunk.upTo > until) return null;
  next++;
  return chunk.bytes;
};
const server = await startRawWebsocket((opened) => {
  socket = opened;
  next = 0;
  void writeAll(opened, take(warm));
});

process.on('message', (message: ToLoad) => {
  if (message.kind !== 'go' || socket === null) return;
  const to = socket;
  goneMs = performance.now();
  void (async () => {
    if (!Number.isFinite(rate)) await writeAll(to, take(count));
    else
      while (next < chunks.length) {
        // what is due by the clock, whether it was held up before or not
        const due = warm + ((performance.now() - goneMs) / 1000) * rate;
        await writeAll(to, take(due));
        await wait(5);
      }
    tell({ kind: 'sent', seconds: (performance.now() - goneMs) / 1000 });
  })();
});
process.on('disconnect', () => process.exit(0));
tell({ kind: 'listening', url: server.url, plcUrl: directory.url, bytes, operations });
