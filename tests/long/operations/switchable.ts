import net from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** A server's address that can be made to refuse, as where the server is gone, and to answer again. */
export interface Switchable {
  host: string;
  port: number;
  down(): void;
  up(): Promise<void>;
  close(): void;
}

/** Passes connections on to a server of this machine. */
export async function switchable(target: string): Promise<Switchable> {
  const { hostname, port: targetPort } = new URL(target);
  const open = new Set<net.Socket>();
  const accept = (client: net.Socket): void => {
    const server = net.connect(Number(targetPort), hostname);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  };
  let listener = net.createServer(accept).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const down = (): void => {
    listener.close();
    for (const socket of open) socket.destroy();
  };
  return {
    host: '127.0.0.1',
    port,
    down,
    async up() {
      listener = net.createServer(accept).listen(port, '127.0.0.1');
      await once(listener, 'listening');
    },
    close: down,
  };
}
