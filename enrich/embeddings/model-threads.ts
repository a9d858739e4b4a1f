import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import '../onnxruntime.ts'; // what it sets in the environment, a thread can't
import type { SentenceModel } from './model.ts';

/** Token ids of texts to be embedded together, or the end. */
export type ToThread = readonly (readonly number[])[] | 'close';
export type FromThread = 'ready' | { vectors: Float32Array } | { error: string };

interface Work {
  texts: readonly (readonly number[])[];
  resolve: (vectors: Float32Array) => void;
  reject: (error: Error) => void;
}

/**
 * The model in threads, each with its own. One session with threads of its own would hold up the caller's event loop, and waits for the slowest of
 * them at every operator: on a machine with other work it makes a quarter of the posts.
 * @param file ONNX; takes 0.2 GB a thread
 * @throws where onnxruntime refuses the file
 */
export async function openModelThreads(file: string, threads: number): Promise<SentenceModel> {
  const waiting: Work[] = [];
  const underWay = new Map<Worker, Work>();
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('./model-thread.ts', import.meta.url), { workerData: file }),
  );
  const idle: Worker[] = [];
  let died: Error | null = null;

  const next = (): void => {
    while (idle.length > 0 && waiting.length > 0) {
      const worker = idle.pop() as Worker;
      const work = waiting.shift() as Work;
      underWay.set(worker, work);
      worker.postMessage(work.texts satisfies ToThread);
    }
  };
  const fail = (cause: Error): void => {
    died ??= cause;
    for (const { reject } of [...underWay.values(), ...waiting.splice(0)]) reject(died);
    underWay.clear();
  };
  const ready = workers.map(
    (worker) =>
      new Promise<void>((resolve, reject) => {
        worker.on('message', (message: FromThread) => {
          if (message === 'ready') resolve();
          else {
            const work = underWay.get(worker);
            underWay.delete(worker);
            if ('vectors' in message) work?.resolve(message.vectors);
            else work?.reject(new Error(message.error));
          }
          idle.push(worker);
          next();
        });
        worker.on('error', (error: Error) => {
          fail(error);
          reject(error);
        });
        worker.on('exit', (code) => fail(new Error(`the thread of the model ended with code ${code}`)));
      }),
  );
  const close = async (): Promise<void> => {
    await Promise.all(
      workers.map(async (worker) => {
        if (worker.threadId === -1) return; // it has ended
        const ended = once(worker, 'exit');
        worker.postMessage('close' satisfies ToThread);
        await ended;
      }),
    );
  };
  const loaded = await Promise.allSettled(ready);
  const refused = loaded.find((one) => one.status === 'rejected');
  if (refused) {
    await close();
    throw refused.reason;
  }
  return {
    embed: (texts) =>
      new Promise((resolve, reject) => {
        if (died !== null) {
          reject(died);
          return;
        }
        waiting.push({ texts, resolve, reject });
        next();
      }),
    close,
  };
}
