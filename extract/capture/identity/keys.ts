import { setTimeout as wait } from 'node:timers/promises';
import { log } from '../../../ops/telemetry/index.ts';
import { packDidKey, type PackedKey } from '../firehose/signature.ts';
import { FetchFailure } from '../../../ops/fetch/index.ts';

export type KeyAnswer =
  { key: PackedKey; didKey: string; error: null } | { key: null; didKey: null; error: string };

/** Signing keys of repositories, from a bounded cache or the directory. */
export interface SigningKeys {
  /**
   * @param freshSinceMs a key that was asked for before this moment is asked for again; null takes what the cache has
   */
  get(did: string, freshSinceMs: number | null): Promise<KeyAnswer>;
  /** Forgets a key, as an #identity event asks. */
  forget(did: string): void;
  /** How many DIDs wait for an answer now. */
  readonly waiting: number;
  readonly fetched: number;
}

export interface SigningKeysOptions {
  /** Asks the directory once. Throws FetchFailure. */
  resolve: (did: string, signal: AbortSignal) => Promise<string>;
  signal: AbortSignal;
  /** How many keys are kept; 300 bytes each. */
  maxKept?: number;
  maxAgeMs?: number;
  /** How long a failure is remembered, so that a dead host is not asked for each of its commits. */
  failureAgeMs?: number;
  concurrency?: number;
  retryDelaysMs?: number[];
  now?: () => number;
  random?: () => number;
}

interface Kept {
  answer: KeyAnswer;
  askedMs: number;
}

const hour = 3_600_000;

/**
 * A key stays for a day, unless an #identity event or a signature that fails asks for a fresh one.
 *
 * Where the directory as a whole is down, `get` waits for it: capture slows down instead of rejecting what it can't check.
 * A did:plc is given up only after the directory has answered somebody else since. A did:web host is tried a few times.
 */
export function openSigningKeys(options: SigningKeysOptions): SigningKeys {
  const {
    resolve,
    signal,
    maxKept = 200_000,
    maxAgeMs = 24 * hour,
    failureAgeMs = 60_000,
    concurrency = 64,
    retryDelaysMs = [250, 1_000, 3_000],
    now = Date.now,
    random = Math.random,
  } = options;
  const kept = new Map<string, Kept>(); // in order of use, oldest first
  const asking = new Map<string, { promise: Promise<KeyAnswer>; askedMs: number }>();
  const queue: (() => void)[] = [];
  let running = 0;
  let fetched = 0;
  let directoryAnsweredMs = -Infinity;
  let warnedMs = -Infinity;

  const enter = async (): Promise<void> => {
    if (running >= concurrency) await new Promise<void>((go) => queue.push(go));
    running++;
  };
  const leave = (): void => {
    running--;
    queue.shift()?.();
  };

  const askOnce = async (did: string): Promise<string> => {
    await enter();
    try {
      fetched++;
      const key = await resolve(did, signal);
      if (did.startsWith('did:plc:')) directoryAnsweredMs = now();
      return key;
    } catch (error) {
      if (did.startsWith('did:plc:') && error instanceof FetchFailure && error.answered && !error.transient)
        directoryAnsweredMs = now();
      throw error;
    } finally {
      leave();
    }
  };

  const ask = async (did: string): Promise<KeyAnswer> => {
    const beganMs = now();
    for (let attempt = 0; ; attempt++) {
      try {
        const didKey = await askOnce(did);
        return { key: packDidKey(didKey), didKey, error: null };
      } catch (error) {
        const message = (error as Error).message;
        const failure = { key: null, didKey: null, error: message };
        if (signal.aborted || !(error instanceof FetchFailure) || !error.transient) return failure;
        const directoryIsUp = !did.startsWith('did:plc:') || directoryAnsweredMs > beganMs;
        if (attempt >= retryDelaysMs.length && directoryIsUp) return failure;
        if (attempt >= retryDelaysMs.length && now() - warnedMs > 10_000) {
          warnedMs = now();
          log.warn('capture waits for the DID directory', { error: message, waiting: asking.size });
        }
        const delay = retryDelaysMs[Math.min(attempt, retryDelaysMs.length - 1)] ?? 1_000;
        await wait(delay * (0.5 + random()), undefined, { signal }).catch(() => undefined);
      }
    }
  };

  const keep = (did: string, entry: Kept): void => {
    kept.delete(did);
    kept.set(did, entry);
    if (kept.size > maxKept) kept.delete(kept.keys().next().value as string);
  };

  return {
    async get(did, freshSinceMs) {
      const entry = kept.get(did);
      const ageMs = entry?.answer.error === null ? maxAgeMs : failureAgeMs;
      if (
        entry &&
        now() - entry.askedMs < ageMs &&
        (freshSinceMs === null || entry.askedMs >= freshSinceMs)
      ) {
        kept.delete(did);
        kept.set(did, entry);
        return entry.answer;
      }
      const pending = asking.get(did);
      if (pending && (freshSinceMs === null || pending.askedMs >= freshSinceMs)) return pending.promise;
      const askedMs = now();
      const promise = ask(did).then((answer) => {
        if (asking.get(did)?.promise === promise) {
          asking.delete(did);
          if (!signal.aborted) keep(did, { answer, askedMs });
        }
        return answer;
      });
      asking.set(did, { promise, askedMs });
      return promise;
    },
    forget(did) {
      kept.delete(did);
      asking.delete(did); // who waits gets its answer; who asks later asks anew
    },
    get waiting() {
      return asking.size;
    },
    get fetched() {
      return fetched;
    },
  };
}
