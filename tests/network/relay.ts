import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { encodeFrame, parseFrame, restampFrame } from '../../extract/capture/index.ts';
import type { Population } from './populate.ts';

/** A relay between the miniature network's PDS and capture. */
export interface RestampingRelay {
  /** Base address, `ws://127.0.0.1:<port>`; serves `/xrpc/com.atproto.sync.subscribeRepos`. */
  url: string;
  /** Frames taken from the PDS so far. */
  frames(): number;
  /** seq of the newest of them; 0 before the first. */
  newest(): number;
  /** Resolves when every commit of the population has come through. */
  caughtUp: Promise<void>;
  close(): Promise<void>;
}

interface Frame {
  seq: number;
  bytes: Uint8Array;
}

const path = '/xrpc/com.atproto.sync.subscribeRepos';

/**
 * Decides what time a frame gets: the plan's for a commit of the plan; a millisecond after the frame before it for what
 * comes in between (the events that creating an account makes); its own once the plan is through. Times always rise, as
 * seq does.
 */
export function planClock(population: Pick<Population, 'timeOfCommit' | 'windowStartUs'>): {
  timeMs(event: { repo?: string; rev?: string; time: string }): number;
  isThrough(): boolean;
} {
  let previousMs = Math.floor(population.windowStartUs / 1000) - 10_000;
  let toCome = population.timeOfCommit.size;
  return {
    timeMs(event) {
      const planned = population.timeOfCommit.get(`${event.repo ?? ''}/${event.rev ?? ''}`);
      const own = toCome === 0 ? Date.parse(event.time) : previousMs + 1;
      if (planned !== undefined) toCome -= 1;
      previousMs = Math.max(previousMs + 1, planned === undefined ? own : Math.floor(planned / 1000));
      return previousMs;
    },
    isThrough: () => toCome === 0,
  };
}

/**
 * Subscribes to the PDS from its first event, gives every frame the `time` of the plan and serves the stream again on
 * 127.0.0.1. Nobody signs that field: the commit, its blocks and its signature stay what the PDS sent, byte for byte.
 * A subscriber with `cursor` gets what comes after it. One without a cursor gets everything: the miniature network has
 * just come to be, and its whole past is what there is to capture. (A relay of the real network starts there with what
 * happens next.)
 */
export async function startRestampingRelay(options: {
  pdsUrl: string;
  population: Population;
  port?: number;
}): Promise<RestampingRelay> {
  const clock = planClock(options.population);
  const frames: Frame[] = [];
  const subscribers = new Set<() => void>();
  const caughtUp = Promise.withResolvers<void>();
  caughtUp.promise.catch(() => {}); // whoever doesn't wait for it need not hear of it

  const source = new WebSocket(`${options.pdsUrl.replace(/^http/, 'ws')}${path}?cursor=0`);
  source.on('message', (data: Buffer) => {
    const { header, body } = parseFrame(data);
    const { seq, time, repo, rev } = body as { seq?: number; time?: string; repo?: string; rev?: string };
    if (header.op !== 1 || seq === undefined || time === undefined) return;
    const timeMs = clock.timeMs({ time, ...(repo && rev ? { repo, rev } : {}) });
    frames.push({ seq, bytes: restampFrame(data, { time: new Date(timeMs).toISOString() }) });
    for (const wake of subscribers) wake();
    if (clock.isThrough()) caughtUp.resolve();
  });
  source.on('error', (error) => {
    caughtUp.reject(error);
  });
  source.on('close', () => {
    caughtUp.reject(new Error('the PDS closed its stream'));
  });

  const http = createServer((_, response) => response.writeHead(404).end());
  const sockets = new WebSocketServer({ server: http, path });
  sockets.on('connection', (socket: WebSocket, request: IncomingMessage) => {
    const cursor = Number(new URL(request.url ?? '/', 'ws://relay').searchParams.get('cursor') ?? -1);
    const newest = frames.at(-1)?.seq ?? 0;
    if (cursor > newest) {
      socket.send(encodeFrame({ header: { op: -1 }, body: { error: 'FutureCursor' } }));
      socket.close();
      return;
    }
    let next = frames.findIndex((frame) => frame.seq > cursor);
    if (next < 0) next = frames.length;
    let sending = false;
    const send = (): void => {
      const frame = frames[next];
      if (sending || !frame || socket.readyState !== WebSocket.OPEN) return;
      sending = true;
      next += 1;
      // the next frame goes when this one has left: a slow reader holds no memory here
      socket.send(frame.bytes, () => {
        sending = false;
        send();
      });
    };
    subscribers.add(send);
    socket.on('close', () => subscribers.delete(send));
    send();
  });
  http.listen(options.port ?? 0, '127.0.0.1');
  await once(http, 'listening');

  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`,
    frames: () => frames.length,
    newest: () => frames.at(-1)?.seq ?? 0,
    caughtUp: caughtUp.promise,
    async close() {
      source.removeAllListeners('close').terminate();
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      http.close();
      http.closeAllConnections();
      await once(http, 'close');
    },
  };
}
