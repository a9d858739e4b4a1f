import { createHash } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455

/** A message as the bytes of one websocket frame from a server. */
export function websocketFrame(message: Buffer, binary: boolean): Buffer {
  const n = message.length;
  const head = Buffer.alloc(n < 126 ? 2 : n < 65_536 ? 4 : 10);
  head[0] = binary ? 0x82 : 0x81;
  if (n < 126) head[1] = n;
  else if (n < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(n, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(n), 2);
  }
  return Buffer.concat([head, message]);
}

/** Accepts websockets and hands out the bare socket, so that a load generator costs next to nothing beside what it loads. */
export async function startRawWebsocket(onSocket: (socket: Socket) => void): Promise<{ url: string }> {
  const server = http.createServer();
  server.on('upgrade', (request, socket) => {
    const key = createHash('sha1').update(`${request.headers['sec-websocket-key']}${guid}`).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
    );
    socket.on('error', () => socket.destroy());
    socket.resume();
    onSocket(socket as Socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Writes from `at` on while `more` gives something, no faster than the reader takes it. */
export async function writeAll(socket: Socket, more: () => Buffer | null): Promise<void> {
  for (let chunk = more(); chunk !== null; chunk = more())
    if (!socket.write(chunk))
      await new Promise<void>((resolve) => {
        const go = (): void => {
          socket.off('drain', go);
          socket.off('close', go);
          resolve();
        };
        socket.on('drain', go);
        socket.on('close', go);
      });
}
