import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { openModel } from './model.ts';
import type { FromThread, ToThread } from './model-threads.ts';

const port = parentPort as MessagePort;
const model = await openModel(workerData as string);
const send = (message: FromThread, transferred: ArrayBuffer[] = []): void =>
  port.postMessage(message, transferred);

port.on('message', (message: ToThread) => {
  if (message === 'close') {
    void model.close().then(() => port.close());
    return;
  }
  model.embed(message).then(
    (vectors) => send({ vectors }, [vectors.buffer as ArrayBuffer]),
    (error: unknown) => send({ error: String(error) }),
  );
});
send('ready');
