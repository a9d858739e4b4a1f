// Asks a server over keep-alive connections, each request with a token of its own that was signed beforehand: as fast as it
// answers (rate 0), or at a rate, when latency counts from the moment a request was due.
import net from 'node:net';
import { feedUri, tokenOf } from './world.ts';

export interface LoadOptions {
  port: number;
  accounts: number;
  requests: number;
  connections: number;
  /** Requests a second; 0 for as many as are answered. */
  rate: number;
}

export interface LoadResult {
  requests: number;
  seconds: number;
  /** Answers by status. */
  statuses: Record<string, number>;
  /** Bytes of an answer's body. */
  bodyBytes: number;
  /** Milliseconds, sorted. */
  p50: number;
  p99: number;
  max: number;
}

const path = `/xrpc/app.bsky.feed.getFeedSkeleton?feed=${encodeURIComponent(feedUri)}&limit=50`;

class Connection {
  readonly socket: net.Socket;
  #pending: Buffer = Buffer.alloc(0);
  onAnswer: (status: number, bodyBytes: number) => void = () => undefined;

  constructor(port: number) {
    this.socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('data', (chunk) => {
      this.#take(chunk);
    });
  }

  #take(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    for (;;) {
      const end = this.#pending.indexOf('\r\n\r\n');
      if (end === -1) return;
      const head = this.#pending.toString('latin1', 0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      const whole = end + 4 + length;
      if (this.#pending.length < whole) return;
      this.#pending = this.#pending.subarray(whole);
      this.onAnswer(Number(head.slice(9, 12)), length);
    }
  }
}

export async function load(options: LoadOptions): Promise<LoadResult> {
  const { port, accounts, requests, connections, rate } = options;
  const request = (i: number): Buffer => {
    const account = i % accounts;
    return Buffer.from(
      `GET ${path} HTTP/1.1\r\nhost: feeds.example\r\nuser-agent: bench\r\nx-account: ${account}\r\nauthorization: Bearer ${tokenOf(account, i)}\r\n\r\n`,
    );
  };
  // signed beforehand where speed is measured; as they are due where a rate is kept for long
  const prepared = requests <= 200_000 ? Array.from({ length: requests }, (_, i) => request(i)) : null;
  process.send?.({ ready: true });
  await new Promise((resolve) => process.once('message', resolve));

  const statuses: Record<string, number> = {};
  const latencies = new Float64Array(requests);
  let bodyBytes = 0;
  let sent = 0;
  let answered = 0;
  const begun = performance.now();
  await new Promise<void>((done, fail) => {
    const idle: Connection[] = [];
    const due: number[] = [];
    const send = (connection: Connection, index: number, dueMs: number): void => {
      connection.onAnswer = (status, bytes) => {
        latencies[answered++] = performance.now() - dueMs;
        statuses[status] = (statuses[status] ?? 0) + 1;
        bodyBytes = bytes;
        if (answered === requests) {
          done();
          return;
        }
        if (rate === 0) {
          if (sent < requests) send(connection, sent++, performance.now());
        } else if (due.length > 0) send(connection, sent++, due.shift() as number);
        else idle.push(connection);
      };
      connection.socket.write(prepared?.[index] ?? request(index));
    };
    for (let i = 0; i < connections; i++) {
      const connection = new Connection(port);
      connection.socket.on('error', fail);
      connection.socket.once('connect', () => {
        if (rate === 0) {
          if (sent < requests) send(connection, sent++, performance.now());
        } else idle.push(connection);
      });
    }
    if (rate === 0) return;
    let asked = 0;
    const timer = setInterval(() => {
      const until = Math.min(requests, ((performance.now() - begun) / 1000) * rate);
      for (; asked < until; asked++) {
        const dueMs = begun + (asked / rate) * 1000;
        const connection = idle.pop();
        if (connection === undefined) due.push(dueMs);
        else send(connection, sent++, dueMs);
      }
      if (asked === requests) clearInterval(timer);
    }, 1);
  });
  const seconds = (performance.now() - begun) / 1000;
  const sorted = latencies.sort();
  const at = (share: number): number => sorted[Math.min(requests - 1, Math.floor(requests * share))] ?? 0;
  return { requests, seconds, statuses, bodyBytes, p50: at(0.5), p99: at(0.99), max: at(1) };
}

const result = await load(JSON.parse(process.argv[2] ?? '{}') as LoadOptions);
process.send?.({ result });
process.disconnect();
process.exit(0);
