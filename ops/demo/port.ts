import { once } from 'node:events';
import { createServer } from 'node:net';

/** The port if it is free on loopback, else 0, which asks the system for one. */
export async function freePortOr(port: number): Promise<number> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return port;
  } catch {
    return 0;
  } finally {
    server.close();
  }
}
