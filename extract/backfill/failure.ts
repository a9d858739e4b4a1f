import { Rejection } from '../capture/index.ts';

/** Why something that was asked for didn't come. It is data: each ends as a row of `raw/backfills`. */
export type FailureReason =
  // who there is
  | 'did_invalid'
  | 'did_not_found'
  | 'did_tombstoned'
  | 'did_unresolved'
  | 'no_pds'
  | 'no_signing_key'
  // what the server says of the account or the record
  | 'repo_not_found'
  | 'repo_deactivated'
  | 'repo_suspended'
  | 'repo_takendown'
  | 'record_not_found'
  | 'profile_not_found'
  // how it answers
  | 'bad_request'
  | 'http_status'
  | 'private_address'
  | 'rate_limited'
  | 'redirected'
  | 'timeout'
  | 'too_big'
  | 'truncated'
  | 'unreachable'
  // what it sent
  | 'bad_signature'
  | 'bad_tree'
  | 'cid_mismatch'
  | 'malformed_car'
  | 'malformed_answer'
  | 'missing_block'
  | 'stale_repository';

/** The network, or a server, says so by itself, and asking again soon gives the same answer. */
const settled = new Set<FailureReason>([
  'did_invalid',
  'did_not_found',
  'did_tombstoned',
  'no_pds',
  'no_signing_key',
  'repo_not_found',
  'repo_deactivated',
  'repo_suspended',
  'repo_takendown',
  'record_not_found',
  'profile_not_found',
]);

/** Whether a reason says that there is nothing to be had, rather than that it couldn't be fetched. */
export const isAbsence = (reason: FailureReason): boolean => settled.has(reason);

export class Failure extends Error {
  readonly reason: FailureReason;
  /** Asking again may help. */
  readonly transient: boolean;
  /** Not before this moment, milliseconds since 1970; null where the server didn't say. */
  readonly retryAtMs: number | null;

  constructor(
    reason: FailureReason,
    detail: string,
    about: { transient: boolean; retryAtMs?: number | null; cause?: unknown },
  ) {
    super(detail, about.cause === undefined ? undefined : { cause: about.cause });
    this.name = 'Failure';
    this.reason = reason;
    this.transient = about.transient;
    this.retryAtMs = about.retryAtMs ?? null;
  }
}

const carReasons = {
  bad_proof: 'bad_tree',
  malformed_frame: 'malformed_car',
  bad_signature: 'bad_signature',
  cid_mismatch: 'cid_mismatch',
  did_unresolved: 'did_unresolved',
  missing_block: 'missing_block',
  too_big: 'too_big',
} as const;

/**
 * Does something with what a server sent; what is wrong with that is a failure. Bytes change on the way, and a key may be
 * rotated between two questions: so all of it is asked for again before it counts.
 */
export async function checked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    const reason = carReasons[error.reason];
    throw new Failure(reason, error.message, { transient: reason !== 'too_big', cause: error });
  }
}
