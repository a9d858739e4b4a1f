import http from 'node:http';
import https from 'node:https';
import { FetchFailure } from './failure.ts';
import { agentFor, PrivateAddressError } from './guard.ts';

export interface FetchJsonOptions {
  /** Refuse hosts that resolve to an address which is not public. */
  publicOnly: boolean;
  timeoutMs?: number;
  maxBytes?: number;
  signal?: AbortSignal | undefined;
}

/**
 * GETs a JSON document. Redirects are not followed; bytes and time are bounded.
 * @throws FetchFailure
 */
export async function fetchJson(url: URL, options: FetchJsonOptions): Promise<unknown> {
  const { publicOnly, timeoutMs = 5_000, maxBytes = 256 * 1024, signal } = options;
  const agent = agentFor(url, publicOnly);
  const deadline = AbortSignal.timeout(timeoutMs);
  const aborted = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => {
      const refused = cause instanceof PrivateAddressError;
      const why = deadline.aborted ? `no answer within ${timeoutMs} ms` : (cause as Error).message;
      reject(
        cause instanceof FetchFailure
          ? cause
          : new FetchFailure(`${url.host}: ${why}`, { transient: !refused, cause }),
      );
    };
    const request = (url.protocol === 'https:' ? https : http).get(
      url,
      { agent, signal: aborted, headers: { accept: 'application/did+ld+json, application/json' } },
      (response) => {
        const status = response.statusCode ?? 0;
        if (status !== 200) {
          response.resume();
          const transient = status === 429 || status === 408 || status >= 500;
          reject(new FetchFailure(`${url.host} answered ${status}`, { transient, status }));
          return;
        }
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          chunks.push(chunk);
          if (bytes > maxBytes)
            response.destroy(
              new FetchFailure(`${url.host} answered more than ${maxBytes} bytes`, {
                transient: false,
                status,
              }),
            );
        });
        response.on('error', fail);
        response.on('end', () => {
          try {
            resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
          } catch (cause) {
            reject(new FetchFailure(`${url.host} answered no JSON`, { transient: false, status, cause }));
          }
        });
      },
    );
    request.on('error', fail);
  });
}
