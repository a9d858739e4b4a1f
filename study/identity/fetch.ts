import { FetchFailure, fetchJson } from '../../ops/fetch/index.ts';

/** Why a document could not be had: `missing` is the other side's word, `unreachable` says nothing about it. */
export type FetchProblem = 'missing' | 'unreachable' | 'refused';

export class FetchError extends Error {
  readonly failure: FetchProblem;

  constructor(failure: FetchProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FetchError';
    this.failure = failure;
  }
}

export interface FetchOptions {
  timeoutMs: number;
  /** A longer answer is refused. */
  maxBytes: number;
  /** Whether the host was named by the network and not by the operator: then only public addresses are asked. */
  untrusted: boolean;
}

const problemOf = ({ status, transient }: FetchFailure): FetchProblem => {
  if (status === 400 || status === 404 || status === 410) return 'missing';
  return transient || (status !== null && status !== 200) ? 'unreachable' : 'refused';
};

/**
 * GETs a JSON document and says of a failure what it means for who is asked about.
 * @throws FetchError
 */
export async function fetchDocument(url: URL, options: FetchOptions): Promise<unknown> {
  const { timeoutMs, maxBytes, untrusted } = options;
  try {
    return await fetchJson(url, { timeoutMs, maxBytes, publicOnly: untrusted });
  } catch (cause) {
    if (!(cause instanceof FetchFailure)) throw cause;
    throw new FetchError(problemOf(cause), cause.message, { cause });
  }
}
