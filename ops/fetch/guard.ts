import { lookup as lookUpAddress, type LookupAddress } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { FetchFailure } from './failure.ts';
import { isPublicAddress } from './public-address.ts';

export class PrivateAddressError extends Error {}

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
  // a connection was checked when it was made, so that it may be used again
  'public:': new https.Agent({
    keepAlive: true,
    maxSockets: 64,
    maxFreeSockets: 1,
    timeout: 30_000,
    lookup: publicLookup,
  }),
};

/**
 * Connections by which an address may be asked.
 * @param publicOnly refuse hosts of private addresses, and anything but https
 * @throws FetchFailure 'private_address' for what can be told by the address alone; the rest is found out when it connects
 */
export function agentFor(url: URL, publicOnly: boolean): http.Agent {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new FetchFailure(`${url.protocol} is not fetched`, { transient: false });
  // Node asks no resolver for a literal address, so the look-up above would not see it
  const literal = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (publicOnly && (url.protocol !== 'https:' || /^[\d.]+$|:/.test(literal)) && !isPublicAddress(literal))
    throw new FetchFailure(`${url.host} is not a public address`, {
      transient: false,
      problem: 'private_address',
    });
  return publicOnly ? agents['public:'] : agents[url.protocol];
}

/** Closes connections that are kept open; the process can end then. */
export function closeIdleConnections(): void {
  for (const agent of Object.values(agents)) agent.destroy();
}
