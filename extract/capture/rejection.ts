/** Why an event of the network could not be taken. It is data, written to `raw/rejected`, and never stops capture. */
export type RejectedReason =
  | 'bad_proof'
  | 'bad_signature'
  | 'cid_mismatch'
  | 'did_unresolved'
  | 'malformed_frame'
  | 'missing_block'
  | 'too_big';

export class Rejection extends Error {
  readonly reason: RejectedReason;

  constructor(reason: RejectedReason, detail: string, cause?: unknown) {
    super(detail, cause === undefined ? undefined : { cause });
    this.name = 'Rejection';
    this.reason = reason;
  }
}
