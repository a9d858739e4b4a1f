import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PlcDouble {
  url: string;
  /** DIDs that were asked for, in order. */
  asked: string[];
  /** Answers from now on; what a test changes is what the next question gets. */
  documents: Record<string, unknown>;
  /** While set, every question is answered with this status. */
  failWith: number | null;
  /** How long it takes over each answer; milliseconds. */
  delayMs: number;
  close(): Promise<void>;
}

/** A double of the PLC directory that answers from given DID documents, on loopback; 404 for any other DID. */
export async function startPlcDouble(documents: Record<string, unknown>, port = 0): Promise<PlcDouble> {
  const double: PlcDouble = {
    url: '',
    asked: [],
    documents: { ...documents },
    failWith: null,
    delayMs: 0,
    close: async () => {},
  };
  const server = http.createServer((request, response) => {
    const did = decodeURIComponent((request.url ?? '/').slice(1));
    double.asked.push(did);
    const document = double.documents[did];
    const status = double.failWith ?? (document === undefined ? 404 : 200);
    response.writeHead(status, { 'content-type': 'application/did+ld+json' });
    const answer = JSON.stringify(status === 200 ? document : { message: `status ${status}` });
    setTimeout(() => response.end(answer), double.delayMs);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  double.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  double.close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return double;
}
