import { parentPort, workerData } from 'node:worker_threads';
import type { KeyAnswer } from '../identity/keys.ts';
import { processBatch } from './batch.ts';
import { batchSettings } from './settings.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './worker-messages.ts';

// A verifying thread: frames in, lines out. Keys come from the main thread, which has the one cache of them.

const port = parentPort;
if (port === null) throw new Error('worker.ts is started as a thread, not by itself');
const send = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

const settings = await batchSettings(workerData as WorkerSettings);
const asked = new Map<number, (answers: KeyAnswer[]) => void>();
let requests = 0;

const askKeys = (dids: string[], freshSinceMs: number | null): Promise<KeyAnswer[]> =>
  new Promise((resolve) => {
    const request = requests++;
    asked.set(request, resolve);
    send({ kind: 'ask', request, dids, freshSinceMs });
  });

async function work(message: Extract<ToWorker, { kind: 'batch' }>): Promise<void> {
  const all = Buffer.from(message.bytes);
  const frames = message.ends.map((end, i) => all.subarray(i === 0 ? 0 : message.ends[i - 1], end));
  const { receivedUs, retry } = message;
  const batch = { frames, receivedUs, ...(retry === undefined ? {} : { retry }) };
  const { lines, ...result } = await processBatch(batch, settings, askKeys);
  // a small Buffer shares its memory with others and can't be transferred
  const own = lines.byteLength === lines.buffer.byteLength ? (lines as Uint8Array) : Uint8Array.from(lines);
  send({ kind: 'done', id: message.id, result, lines: own }, [own.buffer as ArrayBuffer]);
}

port.on('message', (message: ToWorker) => {
  if (message.kind === 'keys') {
    asked.get(message.request)?.(message.answers);
    asked.delete(message.request);
    return;
  }
  work(message).catch((error: unknown) => {
    // our own broken invariant: let it end the thread, and the capture with it
    setImmediate(() => {
      throw error;
    });
  });
});
