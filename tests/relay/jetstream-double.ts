import type { AddressInfo } from 'node:net';
import { zstdCompressSync } from 'node:zlib';
import { WebSocketServer } from 'ws';

export interface JetstreamDouble {
  url: string;
  /** Query of each connection so far. */
  queries: URLSearchParams[];
  close(): Promise<void>;
}

/**
 * A double of a Jetstream server: sends given lines as text, those from `cursor` (microseconds, inclusive) on.
 * @param dropAfter cuts the first connection after this many
 * @param dictionary compresses with it where the query asks for that
 */
export async function startJetstreamDouble(
  lines: (string | Buffer)[],
  {
    dropAfter = Infinity,
    dictionary,
    path = '/subscribe',
  }: { dropAfter?: number; dictionary?: Buffer; path?: string } = {},
): Promise<JetstreamDouble> {
  const timeOf = (line: string | Buffer): number => {
    const match = /"time_us":(\d+)/.exec(line.toString());
    if (match) return Number(match[1]);
    const witnessed = /"witnessedAt":"([^"]+)\.(\d{6})Z"/.exec(line.toString()); // version 2
    return witnessed ? Date.parse(`${witnessed[1]}Z`) * 1000 + Number(witnessed[2]) : Infinity;
  };
  const queries: URLSearchParams[] = [];
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await new Promise<void>((resolve) => server.once('listening', resolve));
  server.on('connection', (socket, request) => {
    const { searchParams } = new URL(request.url ?? '/', 'ws://jetstream.double');
    const first = queries.push(searchParams) === 1;
    const cursor = Number(searchParams.get('cursor') ?? 0);
    let sent = 0;
    for (const line of lines) {
      if (timeOf(line) < cursor) continue;
      if (first && sent >= dropAfter) {
        setTimeout(() => socket.terminate(), 50);
        return;
      }
      if (dictionary !== undefined && searchParams.get('compress') === 'true')
        socket.send(zstdCompressSync(line, { dictionary }));
      else socket.send(line, { binary: false });
      sent++;
    }
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    queries,
    async close() {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
