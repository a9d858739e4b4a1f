import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a fake misbehaves on a request, beyond the errors that its protocol has. */
export type Fault =
  | { kind: 'reset' } // the connection is cut before an answer
  | { kind: 'hang' } // no answer ever
  | { kind: 'malformed' } // 200 with half a JSON document
  | { kind: 'status'; status: number; body?: unknown; headers?: Record<string, string> };

export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

export interface Served {
  url: string;
  close(): Promise<void>;
}

/** Serves on a free port of loopback. */
export async function serveOnLoopback(
  handle: (request: http.IncomingMessage, body: Buffer, response: http.ServerResponse) => Promise<void>,
): Promise<Served> {
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      handle(request, Buffer.concat(chunks), response).catch(() => response.destroy());
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function sendJson(response: http.ServerResponse, { status, body, headers = {} }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8', ...headers });
  response.end(JSON.stringify(body));
}

/** Misbehaves as told. */
export function misbehave(response: http.ServerResponse, fault: Fault, whole: unknown): void {
  if (fault.kind === 'reset') response.socket?.resetAndDestroy();
  else if (fault.kind === 'malformed') {
    const text = JSON.stringify(whole);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(text.slice(0, Math.floor(text.length / 2)));
  } else if (fault.kind === 'status')
    sendJson(response, {
      status: fault.status,
      body: fault.body ?? {},
      ...(fault.headers ? { headers: fault.headers } : {}),
    });
}

export const wait = (ms: number): Promise<unknown> => (ms > 0 ? sleep(ms) : Promise.resolve());
