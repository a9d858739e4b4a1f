import type { AddressInfo } from 'node:net';
import { encode } from '@atcute/cbor';
import { WebSocketServer, type WebSocket } from 'ws';
import { rehearseErrors } from './errors.ts';
import type { SyntheticEvent } from './network.ts';
import { stampTime } from './stamp.ts';

export interface SyntheticRelayOptions {
  /** Makes the next event; null when there are no more. */
  next: (nowUs: number) => SyntheticEvent | null;
  /** Events a second; Infinity sends what a consumer takes. */
  rate: number;
  /** 0 takes any free one. */
  port?: number;
  /** Events made before the first is sent, so that making them does not hold up sending them; default 10,000. */
  madeAhead?: number;
  /** Bytes of past events that a consumer can still ask for by cursor; default 128 MiB. */
  windowBytes?: number;
  now?: () => number;
}

export interface SyntheticRelay {
  url: string;
  /** Events that the stream has reached. */
  readonly emitted: number;
  readonly consumers: number;
  /** Resolves when there are no more events and every consumer that stayed has had them all. */
  readonly finished: Promise<void>;
  close(): Promise<void>;
}

const tickMs = 10;
const longestTurnMs = 20;
const mostBuffered = 4 << 20;

/**
 * A relay of a synthetic network on loopback. The stream begins with the first consumer, keeps its rate whether consumers
 * keep up or not, and tells one that fell out of the window so, as real relays do. Events are made ahead and stamped with
 * the time at which they are sent.
 */
export async function startSyntheticRelay(options: SyntheticRelayOptions): Promise<SyntheticRelay> {
  const { next, rate, port = 0, madeAhead = 10_000, windowBytes = 128 << 20, now = Date.now } = options;
  const ahead: SyntheticEvent[] = [];
  let over = false;
  const make = (): boolean => {
    const event = over ? null : next(now() * 1000);
    if (event === null) over = true;
    else ahead.push(event);
    return event !== null;
  };
  while (ahead.length < madeAhead && make());

  const sent: { seq: number; frame: Buffer }[] = [];
  let dropped = 0; // events that left the window
  let kept = 0;
  let beganMs: number | null = null;
  const consumers = new Map<WebSocket, { at: number }>();
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const emitted = (): number => dropped + sent.length;

  const emit = (): void => {
    if (beganMs === null) return;
    const due = Number.isFinite(rate)
      ? Math.floor(((now() - beganMs) / 1000) * rate) - emitted()
      : Math.max(0, ...[...consumers.values()].map(({ at }) => at + 2_000 - emitted()));
    const time = new Date(now()).toISOString();
    // Never the whole debt of a long pause at once: consumers, and who asks the directory, get their turn in between. A
    // machine that can't make events at the rate makes them at its own.
    const until = performance.now() + longestTurnMs;
    for (let i = 0; i < Math.min(due, 2_000); i++) {
      if (ahead.length === 0 && (performance.now() > until || !make())) break;
      const { seq, frame } = ahead.shift() as SyntheticEvent;
      stampTime(frame, time);
      sent.push({ seq, frame });
      kept += frame.length;
    }
  };

  const forget = (): void => {
    let leaving = 0;
    while (kept > windowBytes) kept -= (sent[leaving++] as (typeof sent)[number]).frame.length;
    if (leaving > 0) {
      sent.splice(0, leaving);
      dropped += leaving;
    }
  };

  const serve = (socket: WebSocket, consumer: { at: number }): void => {
    if (consumer.at < dropped) {
      socket.send(
        Buffer.concat([
          encode({ op: -1 }),
          encode({ error: 'ConsumerTooSlow', message: 'fell out of the window' }),
        ]),
      );
      socket.close();
      consumers.delete(socket);
      return;
    }
    while (consumer.at < emitted() && socket.bufferedAmount < mostBuffered)
      socket.send((sent[consumer.at++ - dropped] as (typeof sent)[number]).frame);
  };

  const timer = setInterval(() => {
    emit();
    for (const [socket, consumer] of consumers) serve(socket, consumer);
    forget();
    // time that is left goes into what comes next
    const until = performance.now() + tickMs / 2;
    while (ahead.length < madeAhead && performance.now() < until && make());
    if (!over || ahead.length > 0 || beganMs === null) return;
    if ([...consumers].every(([socket, { at }]) => at === emitted() && socket.bufferedAmount === 0)) finish();
  }, tickMs);

  const server = new WebSocketServer({ host: '127.0.0.1', port, perMessageDeflate: false });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      clearInterval(timer);
      reject(rehearseErrors.port(port, cause));
    });
    server.once('listening', resolve);
  });
  server.on('connection', (socket, request) => {
    const url = new URL(request.url ?? '/', 'ws://relay.synthetic');
    if (url.pathname !== '/xrpc/com.atproto.sync.subscribeRepos') {
      socket.close(1008, 'no such stream');
      return;
    }
    const given = url.searchParams.get('cursor');
    const cursor = given === null ? null : Number(given);
    beganMs ??= now();
    const newest = sent.at(-1)?.seq ?? Infinity;
    if (cursor !== null && cursor > newest) {
      socket.send(
        Buffer.concat([
          encode({ op: -1 }),
          encode({ error: 'FutureCursor', message: 'Cursor in the future.' }),
        ]),
      );
      socket.close();
      return;
    }
    let at = emitted();
    if (cursor !== null) {
      const first = sent.findIndex(({ seq }) => seq > cursor);
      if (first !== -1) at = dropped + first;
      if (first === 0 && dropped > 0)
        socket.send(Buffer.concat([encode({ op: 1, t: '#info' }), encode({ name: 'OutdatedCursor' })]));
    }
    consumers.set(socket, { at });
    socket.on('close', () => consumers.delete(socket));
    socket.on('error', () => socket.terminate());
  });

  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get emitted() {
      return emitted();
    },
    get consumers() {
      return consumers.size;
    },
    finished,
    async close() {
      clearInterval(timer);
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
