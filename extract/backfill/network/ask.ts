import { setTimeout as wait } from 'node:timers/promises';
import { FetchFailure, openStream, type StreamedAnswer } from '../../../ops/fetch/index.ts';
import { Failure, type FailureReason } from '../failure.ts';
import type { Host } from './host.ts';
import type { Hosts } from './hosts.ts';

/** What all questions of a run share. */
export interface Asking {
  hosts: Hosts;
  /** Tests and the demo ask servers on loopback. */
  allowLoopback: boolean;
  signal: AbortSignal;
  /** How long a server may be silent; milliseconds. */
  idleMs: number;
  totalMs: number;
  maxBytes: number;
  /** Headers beside the usual ones. */
  headers?: Record<string, string>;
  now: () => number;
  random: () => number;
}

/** Names that the lexicons give to errors. */
const named: Record<string, FailureReason> = {
  RepoNotFound: 'repo_not_found',
  RepoDeactivated: 'repo_deactivated',
  RepoSuspended: 'repo_suspended',
  RepoTakendown: 'repo_takendown',
  AccountDeactivated: 'repo_deactivated',
  AccountTakedown: 'repo_takendown',
  RecordNotFound: 'record_not_found',
};

const problems = {
  private_address: 'private_address',
  redirected: 'redirected',
  timeout: 'timeout',
  too_big: 'too_big',
  cut_off: 'truncated',
} as const satisfies Record<string, FailureReason>;

export function ofFetch(error: unknown): Failure {
  if (!(error instanceof FetchFailure)) throw error;
  const reason = error.problem === null ? 'unreachable' : problems[error.problem];
  return new Failure(reason, error.message, { transient: error.transient, cause: error });
}

async function refusal(answer: StreamedAnswer, retryAtMs: number | null): Promise<Failure> {
  const { status, url } = answer;
  const text = await answer.text(64 * 1024).catch(() => '');
  let error = '';
  let message = '';
  try {
    const body = JSON.parse(text) as { error?: unknown; message?: unknown };
    if (typeof body.error === 'string') error = body.error;
    if (typeof body.message === 'string') message = body.message;
  } catch {
    // some servers answer with a page
  }
  const said =
    `${url.host} answered ${status}${error ? ` ${error}` : ''}${message ? `: ${message}` : ''}`.slice(0, 500);
  // older servers say so in words only
  const reason =
    named[error] ?? (status === 400 && /^Could not find repo/i.test(message) ? 'repo_not_found' : null);
  if (reason !== null && status < 500) return new Failure(reason, said, { transient: false });
  if (status === 429) return new Failure('rate_limited', said, { transient: true, retryAtMs });
  if (status >= 500 || status === 408)
    return new Failure('http_status', said, { transient: true, retryAtMs });
  return new Failure(status === 400 ? 'bad_request' : 'http_status', said, { transient: false });
}

/**
 * Asks a server one question, no faster than it may be asked.
 * @param read reads the body of a good answer; the next question may follow when it has ended
 * @param gate lets so many at a time ask and read; it is entered when the host may be asked, so that nobody waits in it
 * @throws Failure
 */
export async function ask<T>(
  asking: Asking,
  url: URL,
  accept: string,
  read: (answer: StreamedAnswer) => Promise<T>,
  gate: <R>(work: () => Promise<R>) => Promise<R> = (work) => work(),
): Promise<T> {
  const host = asking.hosts.get(url.host);
  await host.enter(asking.signal);
  try {
    return await gate(() => askNow(asking, url, accept, host, read));
  } finally {
    host.leave();
  }
}

async function askNow<T>(
  asking: Asking,
  url: URL,
  accept: string,
  host: Host,
  read: (answer: StreamedAnswer) => Promise<T>,
): Promise<T> {
  let answer: StreamedAnswer | undefined;
  try {
    try {
      answer = await openStream(url, {
        publicOnly: !asking.allowLoopback,
        accept,
        idleMs: asking.idleMs,
        totalMs: asking.totalMs,
        maxBytes: asking.maxBytes,
        signal: asking.signal,
        headers: asking.headers,
      });
    } catch (error) {
      throw ofFetch(error);
    }
    const retryAtMs = host.heed(answer.status, answer.headers);
    if (answer.status !== 200 && answer.status !== 206) throw await refusal(answer, retryAtMs);
    try {
      return await read(answer);
    } catch (error) {
      if (error instanceof FetchFailure) throw ofFetch(error);
      throw error;
    }
  } finally {
    answer?.close();
  }
}

/** A method of a server, with its parameters. */
export function methodUrl(server: URL, method: string, query: Record<string, string | string[]>): URL {
  const url = new URL(`/xrpc/${method}`, server);
  for (const [name, value] of Object.entries(query))
    for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(name, one);
  return url;
}

export interface Patience {
  attempts: number;
  /** The first wait between two attempts, which doubles; milliseconds. */
  firstWaitMs: number;
  /** Longer than this isn't waited for a server that says when it may be asked again. */
  longestWaitMs: number;
}

export const usualPatience: Patience = { attempts: 3, firstWaitMs: 1_000, longestWaitMs: 10 * 60_000 };

/**
 * Tries until it works, or until nothing more can be hoped for: three attempts by default, with a wait that doubles and half of
 * which is chance, or until the moment that the server named.
 * @throws the last Failure, with how often it was tried
 */
export async function tryAgain<T>(
  asking: Pick<Asking, 'signal' | 'now' | 'random'>,
  patience: Patience,
  attempt: () => Promise<T>,
): Promise<{ value: T; attempts: number } | { failure: Failure; attempts: number }> {
  for (let attempts = 1; ; attempts++) {
    try {
      return { value: await attempt(), attempts };
    } catch (error) {
      if (asking.signal.aborted || !(error instanceof Failure)) throw error;
      const backoff = patience.firstWaitMs * 2 ** (attempts - 1) * (0.5 + asking.random() / 2);
      const untilMs = Math.max(error.retryAtMs ?? 0, asking.now() + backoff);
      const ms = untilMs - asking.now();
      if (!error.transient || attempts >= patience.attempts || ms > patience.longestWaitMs)
        return { failure: error, attempts };
      await wait(ms, undefined, { signal: asking.signal });
    }
  }
}
