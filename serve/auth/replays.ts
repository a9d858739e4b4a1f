/** Remembers which tokens were used, until they expire. */
export interface Replays {
  /** Notes a use; true if the token had been used before. */
  seen(issuer: string, jti: string, expiresSeconds: number): boolean;
  /** True if the token had been used before; notes nothing. */
  known(issuer: string, jti: string): boolean;
  readonly size: number;
}

/** @param maxTokens the oldest are forgotten beyond this many: about 20 MB at the default of 100,000 */
export function openReplays(now: () => number = Date.now, maxTokens = 100_000): Replays {
  const used = new Map<string, number>();
  const keyOf = (issuer: string, jti: string) => `${issuer} ${jti}`;
  const known = (key: string): boolean => {
    const until = used.get(key);
    return until !== undefined && until >= now() / 1000;
  };
  return {
    known: (issuer, jti) => known(keyOf(issuer, jti)),
    seen(issuer, jti, expiresSeconds) {
      const key = keyOf(issuer, jti);
      if (known(key)) return true;
      used.delete(key);
      used.set(key, expiresSeconds);
      if (used.size > maxTokens) {
        const oldest = used.keys().next().value;
        if (oldest !== undefined) used.delete(oldest);
      }
      return false;
    },
    get size() {
      return used.size;
    },
  };
}
