import { FetchError, signingKeyOf, type SigningKey } from '../../study/index.ts';

/** `key`: the account's; `none`: it has no document or no key; `down`: that can't be known now. */
export type KeyAnswer = { kind: 'key'; key: SigningKey } | { kind: 'none' } | { kind: 'down' };

export interface Keys {
  /** Key of an account; at once where it is in memory. */
  get(did: string): KeyAnswer | Promise<KeyAnswer>;
  /** The key asked anew, after a signature that the known one doesn't explain. Gives the known answer where asked too often. */
  refresh(did: string): Promise<KeyAnswer>;
  readonly size: number;
}

export interface KeysOptions {
  resolve: (did: string) => Promise<unknown>;
  now?: () => number;
  /** Accounts that are remembered; the longest unused is forgotten first. Default 50,000. */
  maxAccounts?: number;
}

const freshMs = 3_600_000; // a key is asked again after this long, and kept where nobody answers
const downMs = 2_000; // after a failure an account is not asked for again at once
const refreshesAMinute = 6; // forged tokens must not make us hammer the directory

interface Known {
  answer: KeyAnswer;
  askedMs: number;
  refreshes: number[];
}

/** Keys of accounts, asked once at a time each and remembered in bounded memory. */
export function openKeys(options: KeysOptions): Keys {
  const { resolve, now = Date.now, maxAccounts = 50_000 } = options;
  const known = new Map<string, Known>();
  const asking = new Map<string, Promise<KeyAnswer>>();

  const remember = (did: string, entry: Known): void => {
    known.delete(did);
    known.set(did, entry); // a Map keeps the order of insertion: the first is the longest unused
    if (known.size <= maxAccounts) return;
    const oldest = known.keys().next().value;
    if (oldest !== undefined) known.delete(oldest);
  };

  const ask = async (did: string): Promise<KeyAnswer> => {
    const before = known.get(did);
    let answer: KeyAnswer;
    try {
      answer = { kind: 'key', key: signingKeyOf(await resolve(did), did) };
    } catch (error) {
      const down = error instanceof FetchError && error.failure !== 'missing';
      if (!down) answer = { kind: 'none' };
      else if (before?.answer.kind === 'key')
        answer = before.answer; // an old key is better than no answer
      else answer = { kind: 'down' };
    }
    remember(did, { answer, askedMs: now(), refreshes: before?.refreshes ?? [] });
    return answer;
  };

  const askOnce = (did: string): Promise<KeyAnswer> => {
    const running = asking.get(did);
    if (running) return running;
    const started = ask(did).finally(() => asking.delete(did));
    asking.set(did, started);
    return started;
  };

  return {
    get(did) {
      const entry = known.get(did);
      if (entry === undefined) return askOnce(did);
      const age = now() - entry.askedMs;
      if (age >= (entry.answer.kind === 'key' ? freshMs : downMs)) return askOnce(did);
      remember(did, entry);
      return entry.answer;
    },
    async refresh(did) {
      const entry = known.get(did);
      if (entry !== undefined) {
        entry.refreshes = entry.refreshes.filter((at) => now() - at < 60_000);
        if (entry.refreshes.length >= refreshesAMinute) return entry.answer;
        entry.refreshes.push(now());
      }
      return askOnce(did);
    },
    get size() {
      return known.size;
    },
  };
}
