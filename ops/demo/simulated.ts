import { createHash } from 'node:crypto';

const base32 = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * DIDs of the right form that nobody has: 24 characters of base32 from a hash of words. They follow nobody, so what their
 * arms do to the same posts is all that differs between their feeds.
 */
export function simulatedDids(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const digest = createHash('sha256').update(`simulated participant ${i}`).digest();
    return `did:plc:${Array.from(digest.subarray(0, 24), (byte) => base32.charAt(byte % 32)).join('')}`;
  });
}
