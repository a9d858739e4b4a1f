/** Remembers which tokens were used, until they expire. */
export interface Replays {
  /** Notes a use; true if the token had been used before. */
  seen(issuer: string, jti: string, expiresSeconds: number): boolean;
  readonly size: number;
}

/** @param maxTokens the oldest are forgotten beyond this many: about 20 MB at the default of 100,000 */
export function openReplays(now: () => number = Date.now, maxTokens = 100_000): Replays {
  const used = new Map<string, number>();
  return {
    seen(issuer, jti, expiresSeconds) {
      const key = `${issuer} ${jti}`;
      const until = used.get(key);
      if (until !== undefined && until >= now() / 1000) return true;
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
