import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { rehearseErrors } from './errors.ts';

export interface SyntheticDirectory {
  url: string;
  /** How many documents were asked for. */
  readonly asked: number;
  close(): Promise<void>;
}

export interface SyntheticDirectoryOptions {
  document: (did: string) => Record<string, unknown> | undefined;
  /** 0 takes any free one. */
  port?: number;
  /** How long each answer takes; milliseconds. */
  delayMs?: () => number;
}

/** A directory of did:plc documents on loopback that knows the accounts of a synthetic network and nobody else. */
export async function startSyntheticDirectory(
  options: SyntheticDirectoryOptions,
): Promise<SyntheticDirectory> {
  const { document, port = 0, delayMs = () => 0 } = options;
  let asked = 0;
  const server = http.createServer((request, response) => {
    asked++;
    let did = '';
    try {
      did = decodeURIComponent((request.url ?? '/').slice(1));
    } catch {
      // not a path of ours: 404 below
    }
    const found = document(did);
    const answer = (): void => {
      response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/did+ld+json' });
      response.end(JSON.stringify(found ?? { message: `DID not registered: ${did}` }));
    };
    const wait = delayMs();
    if (wait > 0) setTimeout(answer, wait);
    else answer();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(rehearseErrors.port(port, cause)));
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get asked() {
      return asked;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
