import type { AddressInfo } from 'node:net';
import { encode } from '@atcute/cbor';
import { WebSocketServer, type WebSocket } from 'ws';
import { parseFrame } from '../../extract/capture/index.ts';

/** What a test makes the relay double do beyond serving frames. */
export interface RelayDoubleOptions {
  frames: Buffer[];
  /** What it serves; default com.atproto.sync.subscribeRepos. */
  path?: string;
  /** By default any that is free. */
  port?: number;
  /** Cursors below this seq are answered by an #info frame OutdatedCursor, then by all frames. */
  windowFrom?: number;
  /** Called before each frame is sent; 'drop' cuts the connection there, 'hang' sends nothing more on it, 'skip' leaves it out. */
  beforeFrame?: (at: { connection: number; index: number }) => 'send' | 'drop' | 'hang' | 'skip';
  /** Takes a cursor that is ahead of it for none, and says nothing. */
  forgetsCursors?: boolean;
  /** Waits between two frames, so that a test can act in the middle; milliseconds. */
  delayMs?: number;
}

export interface RelayDouble {
  url: string;
  /** Cursor of each connection so far; null where it had none. */
  cursors: (number | null)[];
  /** Frames sent over all connections. */
  readonly sent: number;
  /** Sends one more frame to everyone who has had all others, and keeps it for those who come. */
  push(frame: Buffer): void;
  close(): Promise<void>;
}

export const infoFrame = (name: string, message = ''): Buffer =>
  Buffer.concat([encode({ op: 1, t: '#info' }), encode({ name, message })]);

export const errorFrame = (error: string, message = ''): Buffer =>
  Buffer.concat([encode({ op: -1 }), encode({ error, message })]);

const seqOf = (frame: Buffer): number | null => {
  try {
    const { seq } = parseFrame(frame).body;
    return typeof seq === 'number' ? seq : null;
  } catch {
    return null;
  }
};

/**
 * A double of a relay: serves given frames, byte for byte, over com.atproto.sync.subscribeRepos on loopback. With a cursor
 * it starts after it, without one at the first frame (a real relay would start with what is new). When all are sent the
 * connection stays open.
 */
export async function startRelayDouble(options: RelayDoubleOptions): Promise<RelayDouble> {
  const {
    path = '/xrpc/com.atproto.sync.subscribeRepos',
    port = 0,
    windowFrom = 0,
    forgetsCursors = false,
    beforeFrame = () => 'send',
    delayMs = 0,
  } = options;
  const frames = options.frames.map((frame) => ({ frame, seq: seqOf(frame) }));
  const highest = (): number => Math.max(0, ...frames.map(({ seq }) => seq ?? 0));
  const cursors: (number | null)[] = [];
  const caughtUp = new Set<WebSocket>();
  let sent = 0;
  const server = new WebSocketServer({ host: '127.0.0.1', port });
  await new Promise<void>((resolve) => server.once('listening', resolve));

  server.on('connection', (socket, request) => {
    const url = new URL(request.url ?? '/', 'ws://relay.double');
    if (url.pathname !== path) {
      socket.close(1008, 'no such stream');
      return;
    }
    const given = url.searchParams.get('cursor');
    let cursor = given === null ? null : Number(given);
    const connection = cursors.push(cursor) - 1;
    if (forgetsCursors && cursor !== null && cursor > highest()) cursor = null;
    if (cursor !== null && cursor > highest()) {
      socket.send(errorFrame('FutureCursor', 'Cursor in the future.'));
      socket.close();
      return;
    }
    if (cursor !== null && cursor < windowFrom) socket.send(infoFrame('OutdatedCursor'));
    const open = (): boolean => socket.readyState === socket.OPEN;
    void (async () => {
      for (let index = 0; index < frames.length && open(); index++) {
        const { frame, seq } = frames[index] as (typeof frames)[number];
        if (cursor !== null && seq !== null && seq <= cursor) continue;
        const what = beforeFrame({ connection, index });
        if (what === 'drop') {
          socket.terminate();
          return;
        }
        if (what === 'hang') return;
        if (what === 'skip') continue;
        await new Promise<void>((resolve) => socket.send(frame, () => resolve()));
        sent++;
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
      }
      if (open()) caughtUp.add(socket);
    })();
    socket.on('close', () => caughtUp.delete(socket));
    socket.on('error', () => socket.terminate());
  });

  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cursors,
    get sent() {
      return sent;
    },
    push(frame) {
      frames.push({ frame, seq: seqOf(frame) });
      for (const socket of caughtUp) {
        socket.send(frame);
        sent++;
      }
    },
    async close() {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
