import { createPacer, type Pacer } from '../service/pacer.ts';
import { perspectiveErrors } from './errors.ts';

/** A key with its own pace. */
export interface Key {
  readonly value: string;
  readonly pacer: Pacer;
}

export interface KeyRing {
  /** The key whose turn comes soonest; null where all are out. */
  next(): Key | null;
  /** Takes a key out until the end of the run; false where it was out. */
  remove(key: Key, why: 'quota' | 'bad key'): boolean;
  /** Whether a key is still in use. */
  has(key: Key): boolean;
  /** How many keys are out for which reason. */
  readonly out: { quota: number; 'bad key': number };
}

/**
 * A second and what a request may be delayed by on its way without a second at the service holding more than its hundred.
 * Requests are planned a little wider apart than that, so that what was late can be made up for: 98.3 a second.
 */
const windowMs = 1_015;
const planMs = 1_017;

/**
 * @param perSecond requests in any second, for each key, of all shards together
 * @param shards how many runs share the keys, each of them keeping its part of the rate
 * @throws FeedtrialError FT_PERSPECTIVE_SHARDS where a part would be less than one request a second
 */
export function openKeyRing(keys: readonly string[], perSecond: number, shards = 1): KeyRing {
  const limit = Math.floor(perSecond / shards);
  if (limit < 1) throw perspectiveErrors.shards(shards, perSecond);
  // a run that was killed less than a second ago may have used up the second: this process is about as old as that
  const paced = { limit, windowMs, spacingMs: planMs / limit, startMs: windowMs };
  const inUse = new Set<Key>(keys.map((value) => ({ value, pacer: createPacer(paced) })));
  const out = { quota: 0, 'bad key': 0 };
  return {
    next() {
      let soonest: Key | null = null;
      for (const key of inUse) if (soonest === null || key.pacer.waitMs < soonest.pacer.waitMs) soonest = key;
      return soonest;
    },
    remove(key, why) {
      if (!inUse.delete(key)) return false;
      out[why]++;
      return true;
    },
    has: (key) => inUse.has(key),
    out,
  };
}
