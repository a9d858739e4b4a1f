import type { ChainLink } from './chain-link.ts';
import type { PackedKey } from './signature.ts';

/** One operation of a commit, as the spool keeps it. */
export interface RecordOperation {
  collection: string;
  rkey: string;
  operation: 'create' | 'update' | 'delete';
  /** Null for a delete. */
  cid: string | null;
  /** The record as JSON text, links as {"$link"} and bytes as {"$bytes"}; null for a delete. */
  record: string | null;
}

export interface VerifiedCommit {
  /** From the signed commit itself, not from the frame around it. */
  rev: string;
  operations: RecordOperation[];
  /** How it follows on the repository's commit before; null where nothing was verified. */
  link: ChainLink | null;
}

/** What a #sync frame says that a repository is now. */
export interface VerifiedSync {
  rev: string;
  /** Name of its tree, as in `ChainLink`. */
  data: string;
}

/** A frame opened so far that one knows what it is; the rest is the decoder's. */
export interface OpenedFrame {
  /** 'commit', 'sync', 'identity', 'account', 'info', 'error', or whatever else the relay sent. */
  type: string;
  /** Null where the frame has none. */
  seq: number | null;
  /** Microseconds since 1970 UTC, or null. */
  eventUs: number | null;
  did: string | null;
  body: Record<string, unknown>;
}

/**
 * Turns frames into operations and checks them. There are two, the fast one and the reference, which a test holds equal
 * frame by frame.
 */
export interface Decoder {
  readonly name: 'fast' | 'reference';
  /** @throws Rejection 'malformed_frame' */
  open(frame: Buffer): OpenedFrame;
  /**
   * Checks a commit's signature, the proof of each operation and every CID, and decodes the records.
   * @param key signing key of the repository; null only decodes, with CIDs checked
   * @throws Rejection
   */
  commit(
    frame: OpenedFrame,
    key: PackedKey | null,
    didKey: string | null,
  ): Promise<VerifiedCommit> | VerifiedCommit;
  /** Checks the commit that a #sync frame carries. @throws Rejection */
  sync(
    frame: OpenedFrame,
    key: PackedKey | null,
    didKey: string | null,
  ): Promise<VerifiedSync> | VerifiedSync;
}
