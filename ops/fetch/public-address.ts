import { BlockList, isIP } from 'node:net';

// Address space that no public host has (IANA special-purpose registries), so that a document that the network names
// cannot make this machine ask its own neighbours.
const special = new BlockList();
const global = new BlockList();
global.addSubnet('2000::', 3, 'ipv6');
for (const [network, prefix] of [
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
  special.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['2001::', 23], // Teredo and other special uses, which may carry an inner address
  ['2001:db8::', 32],
  ['2002::', 16], // 6to4
  ['3fff::', 20],
] as const)
  special.addSubnet(network, prefix, 'ipv6');

/**
 * Whether an address is one of the public internet: not private, loopback, link-local, multicast or reserved. False for
 * anything that is not an address. Of IPv6 only 2000::/3 has been given to hosts, so nothing else is public.
 */
export function isPublicAddress(address: string): boolean {
  const plain = address.replace(/%.*$/, '');
  const family = isIP(plain);
  if (family === 4) return !special.check(plain, 'ipv4');
  return family === 6 && global.check(plain, 'ipv6') && !special.check(plain, 'ipv6');
}
