import { createServer } from 'node:net';

// Below the ports that Linux gives to whoever asks for any: nobody is given one between its choice and its use. Processes that
// run at once begin at places of their own.
let next = 20_000 + ((process.pid * 16) % 12_000);

/** A port that was free a moment ago, each time another. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = next;
    next = port === 31_999 ? 20_000 : port + 1;
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => {
        resolve(false);
      });
      server.listen(port, '127.0.0.1', () => {
        resolve(true);
      });
    });
    if (!isFree) continue;
    await new Promise((resolve) => {
      server.close(resolve);
    });
    return port;
  }
}
