import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { FetchFailure } from './failure.ts';
import { agentFor, PrivateAddressError } from './guard.ts';

export interface StreamOptions {
  /** Refuse hosts that resolve to an address which is not public, and redirects to them. */
  publicOnly: boolean;
  accept: string;
  /** Other headers of the request, such as a range. */
  headers?: Record<string, string> | undefined;
  /** How long the server may take to begin its answer, and between two pieces of it; default 30 s. */
  idleMs?: number;
  /** How long the whole answer may take; default 30 min. */
  totalMs?: number;
  /** Default 2 GiB. */
  maxBytes?: number;
  /** How many redirects are followed; default 3. */
  redirects?: number;
  signal?: AbortSignal | undefined;
}

/** An answer of any status, its body still to be read. */
export interface StreamedAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Where it came from, after redirects. */
  url: URL;
  /**
   * Its pieces, as they come; whoever stops before the end closes the connection.
   * @throws FetchFailure 'timeout', 'too_big', 'cut_off'
   */
  body(): AsyncGenerator<Buffer>;
  /** Reads what is left, up to some bytes, as text; for errors, which are short. */
  text(maxBytes?: number): Promise<string>;
  /** Gives the rest up. */
  close(): void;
}

const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/**
 * GETs something large. Bytes and time are bounded, and each redirect is checked like the first address.
 * @throws FetchFailure
 */
export async function openStream(url: URL, options: StreamOptions): Promise<StreamedAnswer> {
  const { redirects = 3 } = options;
  let at: URL = url;
  for (let followed = 0; ; followed++) {
    const answer = await get(at, options);
    const { location } = answer.headers;
    if (!redirectStatuses.has(answer.status) || location === undefined) return answer;
    answer.close();
    if (followed === redirects || !URL.canParse(location, at.href))
      throw new FetchFailure(`${at.host} redirects, and it ends nowhere`, {
        transient: false,
        status: answer.status,
        problem: 'redirected',
      });
    at = new URL(location, at);
  }
}

async function get(url: URL, options: StreamOptions): Promise<StreamedAnswer> {
  const { publicOnly, accept, idleMs = 30_000, totalMs = 1_800_000, maxBytes = 2 ** 31, signal } = options;
  const agent = agentFor(url, publicOnly);
  const controller = new AbortController();
  const forward = (): void => controller.abort();
  signal?.addEventListener('abort', forward, { once: true });
  if (signal?.aborted) forward();
  let lapsed: string | null = null;
  const lapse = (why: string): void => {
    lapsed ??= why;
    controller.abort();
  };
  const total = setTimeout(() => lapse(`no whole answer within ${totalMs} ms`), totalMs);
  let idle = setTimeout(() => lapse(`nothing came for ${idleMs} ms`), idleMs);
  const heard = (): void => {
    clearTimeout(idle);
    idle = setTimeout(() => lapse(`nothing came for ${idleMs} ms`), idleMs);
  };
  const settle = (): void => {
    clearTimeout(total);
    clearTimeout(idle);
    signal?.removeEventListener('abort', forward);
  };
  const failure = (cause: unknown, status?: number): FetchFailure => {
    if (cause instanceof FetchFailure) return cause;
    const about = status === undefined ? {} : { status };
    if (cause instanceof PrivateAddressError)
      return new FetchFailure(cause.message, {
        ...about,
        transient: false,
        problem: 'private_address',
        cause,
      });
    if (lapsed !== null)
      return new FetchFailure(`${url.host}: ${lapsed}`, {
        ...about,
        transient: true,
        problem: 'timeout',
        cause,
      });
    const message = `${url.host}: ${(cause as Error).message}`;
    if (status === undefined) return new FetchFailure(message, { transient: true, cause });
    return new FetchFailure(message, { status, transient: true, problem: 'cut_off', cause });
  };

  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http).get(
      url,
      {
        agent,
        signal: controller.signal,
        headers: { ...options.headers, accept, 'user-agent': 'feedtrial-backfill' },
      },
      resolve,
    );
    request.on('error', (cause) => {
      settle();
      reject(failure(cause));
    });
  });
  const status = response.statusCode ?? 0;
  heard();

  async function* body(limit = maxBytes): AsyncGenerator<Buffer> {
    let bytes = 0;
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        clearTimeout(idle); // a reader that is slow by itself is no silence of the server
        bytes += chunk.length;
        if (bytes > limit)
          throw new FetchFailure(`${url.host} sends more than ${limit} bytes`, {
            transient: false,
            status,
            problem: 'too_big',
          });
        yield chunk;
        heard();
      }
      if (!response.complete)
        throw new FetchFailure(`${url.host}: the answer was cut off after ${bytes} bytes`, {
          transient: true,
          status,
          problem: 'cut_off',
        });
    } catch (cause) {
      throw failure(cause, status);
    } finally {
      settle();
      response.destroy();
    }
  }
  return {
    status,
    headers: response.headers,
    url,
    body: () => body(),
    async text(limit = 256 * 1024) {
      const chunks: Buffer[] = [];
      for await (const chunk of body(limit)) chunks.push(chunk);
      return Buffer.concat(chunks).toString('utf8');
    },
    close() {
      settle();
      response.destroy();
    },
  };
}
