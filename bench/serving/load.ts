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
  /** Posts that each request asks for; default 50. */
  limit?: number;
}

export interface LoadResult {
  requests: number;
  seconds: number;
  /** Answers by status; `0` where the connection ended before one had come. */
  statuses: Record<string, number>;
  /** Bytes of an answer's body. */
  bodyBytes: number;
  /** Milliseconds, sorted. */
  p50: number;
  p99: number;
  max: number;
}

const lost = 0;
const path = `/xrpc/app.bsky.feed.getFeedSkeleton?feed=${encodeURIComponent(feedUri)}`;

/** A kept connection: one request at a time, and a new socket whenever the server has closed the one before. */
class Connection {
  #socket: net.Socket | null = null;
  #pending: Buffer = Buffer.alloc(0);
  #answer: ((status: number, bodyBytes: number) => void) | null = null;
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** @returns once connected */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host: '127.0.0.1', port: this.#port, noDelay: true });
      this.#socket = socket;
      this.#pending = Buffer.alloc(0);
      socket.once('connect', resolve);
      socket.on('data', (chunk) => {
        this.#take(socket, chunk);
      });
      socket.on('error', reject); // later ones end in 'close'
      socket.once('close', () => {
        if (this.#socket === socket) this.#socket = null;
        this.#give(lost, 0);
      });
    });
  }

  /** Asks; `answer` is called once, with the status `lost` where the connection ended before the answer had come. */
  ask(request: Buffer, answer: (status: number, bodyBytes: number) => void): void {
    this.#answer = answer;
    if (this.#socket?.writable) this.#socket.write(request);
    else
      this.open().then(
        () => this.#socket?.write(request),
        () => {
          this.#give(lost, 0);
        },
      );
  }

  #give(status: number, bodyBytes: number): void {
    const answer = this.#answer;
    this.#answer = null;
    answer?.(status, bodyBytes);
  }

  #take(socket: net.Socket, chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const end = this.#pending.indexOf('\r\n\r\n');
    if (end === -1) return;
    const head = this.#pending.toString('latin1', 0, end);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    const whole = end + 4 + length;
    if (this.#pending.length < whole) return;
    this.#pending = this.#pending.subarray(whole);
    if (/\r\nconnection: close/i.test(head)) {
      this.#socket = null; // this was the last answer that comes on it
      socket.end();
    }
    this.#give(Number(head.slice(9, 12)), length);
  }
}

export async function load(options: LoadOptions): Promise<LoadResult> {
  const { port, accounts, requests, connections, rate, limit = 50 } = options;
  const request = (i: number): Buffer => {
    const account = i % accounts;
    return Buffer.from(
      `GET ${path}&limit=${limit} HTTP/1.1\r\nhost: feeds.example\r\nuser-agent: bench\r\nx-account: ${account}\r\nauthorization: Bearer ${tokenOf(account, i)}\r\n\r\n`,
    );
  };
  // signed beforehand where speed is measured; as they are due where a rate is kept for long
  const prepared = requests <= 200_000 ? Array.from({ length: requests }, (_, i) => request(i)) : null;
  const idle = Array.from({ length: connections }, () => new Connection(port));
  await Promise.all(idle.map((connection) => connection.open()));
  process.send?.({ ready: true });
  await new Promise((resolve) => process.once('message', resolve));

  const statuses: Record<string, number> = {};
  const latencies = new Float64Array(requests);
  let bodyBytes = 0;
  let sent = 0;
  let answered = 0;
  const begun = performance.now();
  await new Promise<void>((done) => {
    const due: number[] = [];
    const send = (connection: Connection, index: number, dueMs: number): void => {
      connection.ask(prepared?.[index] ?? request(index), (status, bytes) => {
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
      });
    };
    if (rate === 0) {
      for (const connection of idle.splice(0))
        if (sent < requests) send(connection, sent++, performance.now());
      return;
    }
    let asked = 0;
    const timer = setInterval(() => {
      const until = Math.min(requests, ((performance.now() - begun) / 1000) * rate);
      for (; asked < until; asked++) {
        const dueMs = begun + (asked / rate) * 1000;
        const connection = idle.shift(); // the longest unused, so that none is left until the server closes it
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
