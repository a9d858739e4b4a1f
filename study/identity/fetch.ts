import dns from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';

/** Why a document could not be had: `missing` is the other side's word, `unreachable` says nothing about it. */
export type FetchFailure = 'missing' | 'unreachable' | 'refused';

export class FetchError extends Error {
  readonly failure: FetchFailure;

  constructor(failure: FetchFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FetchError';
    this.failure = failure;
  }
}

export interface FetchOptions {
  timeoutMs: number;
  /** A longer answer is refused. */
  maxBytes: number;
  /** Whether the host was named by the network and not by the operator: then only public addresses are asked. */
  untrusted: boolean;
}

const notPublic = new net.BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  notPublic.addSubnet(network, bits, 'ipv4');
const public6 = new net.BlockList();
public6.addSubnet('2000::', 3, 'ipv6');
for (const [network, bits] of [
  ['2001::', 23], // Teredo and other special uses, which may carry an inner address
  ['2001:db8::', 32],
  ['2002::', 16], // 6to4
  ['3fff::', 20],
] as const)
  notPublic.addSubnet(network, bits, 'ipv6');

/** Whether an address is one of the public Internet: not private, loopback, link-local, multicast or reserved. */
export function isPublicAddress(address: string): boolean {
  const family = net.isIP(address);
  if (family === 4) return !notPublic.check(address, 'ipv4');
  if (family === 6) return public6.check(address, 'ipv6') && !notPublic.check(address, 'ipv6');
  return false;
}

// Checked where the socket connects, so that a name can't answer with a public address first and a private one then.
const publicLookup: net.LookupFunction = (hostname, options, callback) => {
  dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) {
      callback(error, []);
      return;
    }
    const allowed = addresses.filter(({ address }) => isPublicAddress(address));
    const [first] = allowed;
    if (first === undefined) callback(new FetchError('refused', `${hostname} has no public address`), []);
    else if (options.all) callback(null, allowed);
    else callback(null, first.address, first.family);
  });
};

/**
 * GETs a JSON document. Redirects are not followed; size and time are bounded.
 * @throws FetchError
 */
export function fetchJson(url: URL, options: FetchOptions): Promise<unknown> {
  const { timeoutMs, maxBytes, untrusted } = options;
  return new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (untrusted && net.isIP(host) !== 0 && !isPublicAddress(host)) {
      reject(new FetchError('refused', `${url.hostname} is not a public address`));
      return;
    }
    const client = url.protocol === 'https:' ? https : http;
    const fail = (failure: FetchFailure, message: string, cause?: unknown): void => {
      clearTimeout(timer);
      request.destroy();
      reject(new FetchError(failure, message, { cause }));
    };
    const request = client.get(
      url,
      {
        headers: { accept: 'application/json' },
        agent: false,
        ...(untrusted ? { lookup: publicLookup } : {}),
      },
      (response) => {
        const status = response.statusCode ?? 0;
        if (status !== 200) {
          const gone = status === 404 || status === 410 || status === 400;
          fail(gone ? 'missing' : 'unreachable', `${url.host} answered ${status}`);
          return;
        }
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxBytes) fail('refused', `${url.host} answered with more than ${maxBytes} bytes`);
          else chunks.push(chunk);
        });
        response.on('error', (error) => {
          fail('unreachable', `${url.host} broke off`, error);
        });
        response.on('end', () => {
          clearTimeout(timer);
          try {
            resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
          } catch (error) {
            fail('refused', `${url.host} answered with something that is not JSON`, error);
          }
        });
      },
    );
    const timer = setTimeout(() => {
      fail('unreachable', `${url.host} did not answer within ${timeoutMs} ms`);
    }, timeoutMs);
    request.on('error', (error) => {
      if (error instanceof FetchError) fail(error.failure, error.message, error);
      else fail('unreachable', `${url.host} can not be reached`, error);
    });
  });
}
