/** How often one client may ask. Each answer is 0 where it may, else the whole seconds until it may again. */
export interface Limits {
  participant(participantId: string): number;
  /** @param address asked for only where there is a limit: finding it out behind proxies costs something */
  address(address: () => string): number;
}

export interface LimitsOptions {
  /** 0 sets none. */
  participantPerMinute: number;
  addressPerSecond: number;
  now?: () => number;
  /** Clients that are remembered in each of the two; beyond, the longest unseen is forgotten. */
  maxClients?: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** A token bucket a client: `burst` at once, then `perSecond`. */
function openBuckets(perSecond: number, burst: number, now: () => number, max: number) {
  const buckets = new Map<string, Bucket>();
  return (client: string): number => {
    const nowMs = now();
    let bucket = buckets.get(client);
    if (bucket === undefined) {
      bucket = { tokens: burst, atMs: nowMs };
      if (buckets.size >= max) {
        const oldest = buckets.keys().next().value;
        if (oldest !== undefined) buckets.delete(oldest);
      }
    } else buckets.delete(client);
    buckets.set(client, bucket); // a Map keeps the order of insertion: the first is the longest unseen
    const passed = Math.max(0, nowMs - bucket.atMs) / 1000;
    bucket.tokens = Math.min(burst, bucket.tokens + passed * perSecond);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return Math.max(1, Math.ceil((1 - bucket.tokens) / perSecond));
    bucket.tokens--;
    return 0;
  };
}

export function openLimits(options: LimitsOptions): Limits {
  const { participantPerMinute, addressPerSecond, now = Date.now, maxClients = 50_000 } = options;
  const participants =
    participantPerMinute === 0
      ? () => 0
      : openBuckets(participantPerMinute / 60, Math.max(1, participantPerMinute / 5), now, maxClients);
  const addresses =
    addressPerSecond === 0
      ? null
      : openBuckets(addressPerSecond, addressPerSecond * 2, now, Math.min(maxClients, 10_000));
  return {
    participant: participants,
    address: (address) => (addresses === null ? 0 : addresses(address())),
  };
}
