import { parentPort, workerData } from 'node:worker_threads';
import type { KeyAnswer } from '../identity/keys.ts';
import { processBatch } from './batch.ts';
import { batchSettings } from './settings.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './worker-messages.ts';

// A verifying thread: frames in, lines out. Keys come from the main thread, which asks for them and says when to forget one.

const port = parentPort;
if (port === null) throw new Error('worker.ts is started as a thread, not by itself');
const send = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

const settings = await batchSettings(workerData as WorkerSettings);
const asked = new Map<number, (answers: KeyAnswer[]) => void>();
let requests = 0;

const askMain = (dids: string[], freshSinceMs: number | null): Promise<KeyAnswer[]> =>
  new Promise((resolve) => {
    const request = requests++;
    asked.set(request, resolve);
    send({ kind: 'ask', request, dids, freshSinceMs });
  });

/** Keys that this thread has been told: most repositories of a batch have been seen not long ago. */
const known = new Map<string, { answer: KeyAnswer; untilMs: number }>();
const mostKnown = 50_000;
/** The main thread's own limit is a day; asking it again so often keeps to that, and costs nothing. */
const knownForMs = 600_000;

async function askKeys(dids: string[], freshSinceMs: number | null): Promise<KeyAnswer[]> {
  const nowMs = performance.now();
  const has = (did: string): boolean => freshSinceMs === null && (known.get(did)?.untilMs ?? 0) > nowMs;
  const missing = dids.filter((did) => !has(did));
  const held = new Map(dids.filter(has).map((did) => [did, known.get(did)?.answer as KeyAnswer]));
  const answers = missing.length === 0 ? [] : await askMain(missing, freshSinceMs);
  for (const [i, answer] of answers.entries()) {
    const did = missing[i] as string;
    held.set(did, answer);
    known.delete(did);
    if (answer.key === null) continue;
    known.set(did, { answer, untilMs: nowMs + knownForMs });
    if (known.size > mostKnown) known.delete(known.keys().next().value as string);
  }
  return dids.map((did) => held.get(did) as KeyAnswer);
}

async function work(message: Extract<ToWorker, { kind: 'batch' }>): Promise<void> {
  const all = Buffer.from(message.bytes);
  const frames = message.ends.map((end, i) => all.subarray(i === 0 ? 0 : message.ends[i - 1], end));
  const { receivedUs, retry } = message;
  const batch = { frames, receivedUs, ...(retry === undefined ? {} : { retry }) };
  const { lines, ...result } = await processBatch(batch, settings, askKeys);
  // a small Buffer shares its memory with others and can't be transferred
  const own = lines.byteLength === lines.buffer.byteLength ? (lines as Uint8Array) : Uint8Array.from(lines);
  send({ kind: 'done', id: message.id, result: JSON.stringify(result), lines: own, bytes: message.bytes }, [
    own.buffer as ArrayBuffer,
    message.bytes,
  ]);
}

port.on('message', (message: ToWorker) => {
  if (message.kind === 'keys') {
    asked.get(message.request)?.(message.answers);
    asked.delete(message.request);
    return;
  }
  if (message.kind === 'forget') {
    for (const did of message.dids) known.delete(did);
    return;
  }
  work(message).catch((error: unknown) => {
    // our own broken invariant: let it end the thread, and the capture with it
    setImmediate(() => {
      throw error;
    });
  });
});
