const digits = '234567abcdefghijklmnopqrstuvwxyz';
const tid = /^[2-7a-j][2-7a-z]{12}$/;

/**
 * The moment that a TID was made of, microseconds since 1970 UTC, from the clock of whoever made it; null for what is no TID.
 * @example tidMicroseconds('3l5abcdefgh2c') is in 2024
 */
export function tidMicroseconds(text: string): number | null {
  if (!tid.test(text)) return null;
  let us = 0;
  for (let i = 0; i < 11; i++) us = us * 32 + digits.indexOf(text.charAt(i)); // the last two tell writers apart
  return us;
}

/** Before this there was no network; a key that claims to be older wasn't made by a clock. */
const networkBeganUs = Date.UTC(2022, 0, 1) * 1000;

/**
 * When a record of a repository was witnessed: the time in its key, which its author's client put there; where the key
 * has none, or one that can't be, the time of the revision that it was found in. Never later than it was fetched.
 */
export function witnessTime(rkey: string, rev: string, fetchedUs: number): number {
  for (const us of [tidMicroseconds(rkey), tidMicroseconds(rev)])
    if (us !== null && us >= networkBeganUs && us <= fetchedUs) return us;
  return fetchedUs;
}
