import { lookup as lookUpAddress, type LookupAddress } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { isPublicAddress } from './public-address.ts';

export interface FetchJsonOptions {
  /** Refuse hosts that resolve to an address which is not public. */
  publicOnly: boolean;
  timeoutMs?: number;
  maxBytes?: number;
  signal?: AbortSignal | undefined;
}

/** An answer that is not a document: `transient` says whether asking again may help. */
export class FetchFailure extends Error {
  readonly transient: boolean;
  readonly status: number | null;
  /** The server was reached and answered. */
  readonly answered: boolean;

  constructor(message: string, about: { transient: boolean; status?: number; cause?: unknown }) {
    super(message, about.cause === undefined ? undefined : { cause: about.cause });
    this.name = 'FetchFailure';
    this.transient = about.transient;
    this.status = about.status ?? null;
    this.answered = about.status !== undefined;
  }
}

class PrivateAddressError extends Error {}

// The address that is checked is the one that is connected to: a second look-up could answer otherwise.
const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookUpAddress(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error) {
      callback(error, '', 0);
      return;
    }
    const refused = addresses.find(({ address }) => !isPublicAddress(address));
    const [first] = addresses;
    if (refused !== undefined || first === undefined) {
      callback(new PrivateAddressError(`${hostname} has the address ${refused?.address ?? 'none'}`), '', 0);
      return;
    }
    if (options.all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

const agents = {
  'http:': new http.Agent({ keepAlive: true, maxSockets: 64 }),
  'https:': new https.Agent({ keepAlive: true, maxSockets: 64 }),
  'public:': new https.Agent({ keepAlive: false, lookup: publicLookup }),
};

/**
 * GETs a JSON document. Redirects are not followed; bytes and time are bounded.
 * @throws FetchFailure
 */
export async function fetchJson(url: URL, options: FetchJsonOptions): Promise<unknown> {
  const { publicOnly, timeoutMs = 5_000, maxBytes = 256 * 1024, signal } = options;
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new FetchFailure(`${url.protocol} is not fetched`, { transient: false });
  // Node asks no resolver for a literal address, so the look-up above would not see it
  const literal = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (publicOnly && (url.protocol !== 'https:' || /^[\d.]+$|:/.test(literal)) && !isPublicAddress(literal))
    throw new FetchFailure(`${url.host} is not a public address`, { transient: false });
  const agent = publicOnly ? agents['public:'] : agents[url.protocol];
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

/** Closes connections that are kept open; the process can end then. */
export function closeIdleConnections(): void {
  for (const agent of Object.values(agents)) agent.destroy();
}
