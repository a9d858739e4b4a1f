import { Worker } from 'node:worker_threads';
import { captureErrors } from '../errors.ts';
import type { SigningKeys } from '../identity/keys.ts';
import { processBatch, type AskKeys, type BatchResult, type FrameBatch } from './batch.ts';
import { batchSettings } from './settings.ts';
import type { CrossingResult, FromWorker, ToWorker, WorkerSettings } from './worker-messages.ts';

/** Where batches are decoded and verified: in threads, or in the main thread where there are none. */
export interface Verifiers {
  /** Rejects only if a thread dies or `close` came first. */
  process(batch: FrameBatch): Promise<BatchResult>;
  /** Batches that may be under way at once without any waiting in line. */
  readonly capacity: number;
  /** These repositories' keys are to be asked for anew. */
  forget(dids: string[]): void;
  close(): Promise<void>;
}

const batchesPerThread = 4;
/** A thread's garbage is short-lived: more room than this costs 30 MB a thread and saves no time. */
const maxYoungGenerationSizeMb = 16;

/** Batches' buffers go back and forth: making one for each would have the garbage collectors of all threads at work. */
const usualBufferBytes = 512 << 10;
const mostBufferBytes = 4 << 20;

/** @param threads how many verifying threads; 0 verifies in this one */
export async function openVerifiers(
  threads: number,
  settings: WorkerSettings,
  keys: SigningKeys,
): Promise<Verifiers> {
  const askKeys: AskKeys = (dids, freshSinceMs) =>
    Promise.all(dids.map((did) => keys.get(did, freshSinceMs)));
  if (threads === 0) {
    const own = await batchSettings(settings);
    return {
      process: (batch) => processBatch(batch, own, askKeys),
      capacity: batchesPerThread,
      forget: () => {}, // `keys` has them, and no one else
      close: async () => {},
    };
  }

  interface Thread {
    worker: Worker;
    underWay: Map<number, { resolve: (result: BatchResult) => void; reject: (error: unknown) => void }>;
  }
  const spare: ArrayBuffer[] = [];
  let ids = 0;
  let closed = false;
  let died: unknown = null;
  const start = (): Thread => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: settings,
      resourceLimits: { maxYoungGenerationSizeMb },
    });
    const thread: Thread = { worker, underWay: new Map() };
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'done') {
        const waiting = thread.underWay.get(message.id);
        thread.underWay.delete(message.id);
        if (message.bytes.byteLength <= mostBufferBytes && spare.length < threads * batchesPerThread)
          spare.push(message.bytes);
        const { buffer, byteOffset, byteLength } = message.lines;
        waiting?.resolve({
          ...(JSON.parse(message.result) as CrossingResult),
          lines: Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength),
        });
        return;
      }
      void askKeys(message.dids, message.freshSinceMs).then((answers) => {
        if (!closed)
          worker.postMessage({ kind: 'keys', request: message.request, answers } satisfies ToWorker);
      });
    });
    const fail = (cause: unknown): void => {
      died ??= cause;
      for (const { reject } of thread.underWay.values()) reject(captureErrors.workerDied(cause));
      thread.underWay.clear();
    };
    worker.on('error', fail);
    worker.on('exit', (code) => fail(new Error(`the thread ended with code ${code}`)));
    return thread;
  };
  const pool = Array.from({ length: threads }, start);

  return {
    capacity: threads * batchesPerThread,
    process(batch) {
      if (died !== null || closed)
        return Promise.reject(captureErrors.workerDied(died ?? new Error('closed')));
      const idlest = pool.reduce((a, b) => (b.underWay.size < a.underWay.size ? b : a));
      let end = 0;
      const ends = batch.frames.map((frame) => (end += frame.length));
      const fitting = spare.findIndex(({ byteLength }) => byteLength >= end);
      const own =
        fitting === -1
          ? new ArrayBuffer(Math.max(end, usualBufferBytes))
          : (spare.splice(fitting, 1)[0] as ArrayBuffer);
      const bytes = new Uint8Array(own);
      for (const [i, frame] of batch.frames.entries()) bytes.set(frame, (ends[i] as number) - frame.length);
      const id = ids++;
      return new Promise((resolve, reject) => {
        idlest.underWay.set(id, { resolve, reject });
        const message: ToWorker = {
          kind: 'batch',
          id,
          bytes: own,
          ends,
          receivedUs: batch.receivedUs,
          ...(batch.retry === undefined ? {} : { retry: batch.retry }),
        };
        idlest.worker.postMessage(message, [own]);
      });
    },
    forget(dids) {
      for (const { worker } of pool) worker.postMessage({ kind: 'forget', dids } satisfies ToWorker);
    },
    async close() {
      closed = true;
      await Promise.all(pool.map(({ worker }) => worker.terminate()));
    },
  };
}
