import { createPacer, type Pacer } from '../service/pacer.ts';

/** A key with its own pace. */
export interface Key {
  readonly value: string;
  readonly pacer: Pacer;
}

export interface KeyRing {
  /** The key whose turn comes soonest; null where all are out. */
  next(): Key | null;
  /** Takes a key out until the end of the run. */
  remove(key: Key, why: 'quota' | 'bad key'): void;
  /** How many keys are out for which reason. */
  readonly out: { quota: number; 'bad key': number };
}

/**
 * A window of 15 ms over a second: what a request may be delayed by on its way without a second at the service holding
 * more than its hundred. 98.5 requests a second are left.
 */
const windowMs = 1_015;

/** @param perSecond requests in any second, for each key */
export function openKeyRing(keys: readonly string[], perSecond: number): KeyRing {
  const inUse = new Set<Key>(
    // a run that was killed less than a second ago may have used up the second: this process is about as old as that
    keys.map((value) => ({ value, pacer: createPacer({ limit: perSecond, windowMs, startMs: windowMs }) })),
  );
  const out = { quota: 0, 'bad key': 0 };
  return {
    next() {
      let soonest: Key | null = null;
      for (const key of inUse) if (soonest === null || key.pacer.waitMs < soonest.pacer.waitMs) soonest = key;
      return soonest;
    },
    remove(key, why) {
      if (inUse.delete(key)) out[why]++;
    },
    out,
  };
}
