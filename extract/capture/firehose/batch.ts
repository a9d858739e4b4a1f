import { Rejection, type RejectedReason } from '../rejection.ts';
import {
  accountLine,
  cursorLine,
  firehoseGapLine,
  gapId,
  identityLine,
  recordLine,
  rejectedLine,
  type FrameStamp,
} from '../spool/lines.ts';
import type { Decoder, OpenedFrame, VerifiedCommit } from './decoder.ts';
import type { ChainLink } from './chain-link.ts';
import type { KeyAnswer } from '../identity/keys.ts';
import type { CollectionFilter } from './collections.ts';

/** Frames in the order in which they came. */
export interface FrameBatch {
  frames: Buffer[];
  /** When each was received, microseconds UTC. */
  receivedUs: number[];
  /** Set where the frames were rejected before: keys must be newer than this, and the lines don't move the cursor. */
  retry?: { attempt: number; freshSinceMs: number };
}

/** A verified commit, or what a #sync says (`link` null), with where its lines are. */
export interface BatchCommit {
  did: string;
  rev: string;
  data: string;
  link: ChainLink | null;
  seq: number | null;
  eventUs: number;
  /** First of its lines, counted from 0, and how many they are. */
  line: number;
  lines: number;
}

/** A frame that was rejected for a reason that time may heal. */
export interface RetryableFrame {
  index: number;
  reason: RejectedReason;
}

/** What a batch came to. `lines` holds whole lines in the order of the frames. */
export interface BatchResult {
  lines: Buffer;
  lineCount: number;
  /** Sequence number and time of the last frame that has one; null if none does. */
  lastSeq: number | null;
  lastUs: number | null;
  firstSeq: number | null;
  firstUs: number | null;
  /** How many frames of each type, rows of each kind, and operations left out by collection. */
  frames: Record<string, number>;
  rows: Record<string, number>;
  rejected: Record<string, number>;
  leftOut: Record<string, number>;
  /** Frames on which the reference took what the fast decoder would have rejected. */
  disagreements: number;
  /** Accounts whose keys may have changed. */
  identities: string[];
  /** #info and error frames, which are for whoever holds the connection. */
  notices: { kind: 'info' | 'error'; name: string; message: string }[];
  /** Sequence numbers that went back. */
  stepsBack: number;
  /** Sequence numbers that were passed over, which a relay may do. */
  skipped: number;
  retryable: RetryableFrame[];
  /** In order; none where nothing is verified. */
  commits: BatchCommit[];
}

export interface BatchSettings {
  decoder: Decoder;
  /**
   * Asked before a commit is rejected for good; null if `decoder` is the reference itself. Loaded when first needed: its
   * libraries take a second and 100 MB.
   */
  reference: (() => Promise<Decoder>) | null;
  verify: boolean;
  keeps: CollectionFilter;
  /** A frame over this is rejected without being opened; bytes. */
  maxFrameBytes: number;
}

/** Asks for the keys of several repositories at once, answers in the same order. */
export type AskKeys = (dids: string[], freshSinceMs: number | null) => Promise<KeyAnswer[]>;

/** The largest frame that the protocol allows (5 MB), with room for relays that are less strict. */
export const defaultMaxFrameBytes = 5_242_880;

interface Opened {
  frame: OpenedFrame | null;
  decoder: Decoder;
  problem: Rejection | null;
}

const rejection = (error: unknown): Rejection =>
  error instanceof Rejection
    ? error
    : new Rejection('malformed_frame', error instanceof Error ? error.message : String(error), error);

const needsKey = (type: string): boolean => type === 'commit' || type === 'sync';
const retryReasons: ReadonlySet<RejectedReason> = new Set(['did_unresolved', 'bad_signature']);

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/**
 * Decodes, verifies and writes out a batch of frames. Nothing that a frame holds makes it throw: what can't be taken
 * becomes a 'rejected' line with the frame in it.
 */
export async function processBatch(
  batch: FrameBatch,
  settings: BatchSettings,
  askKeys: AskKeys,
): Promise<BatchResult> {
  const { verify, reference, keeps, maxFrameBytes } = settings;
  const opened: Opened[] = [];
  for (const bytes of batch.frames)
    opened.push(openFast(bytes, settings) ?? (await openSlowly(bytes, settings)));
  const keys = verify
    ? await resolveKeys(opened, askKeys, batch.retry?.freshSinceMs ?? null)
    : new Map<string, KeyAnswer>();

  const movesCursor = batch.retry === undefined;
  const attempts = batch.retry?.attempt ?? 1;
  const lines: string[] = [];
  const count = (into: Record<string, number>, name: string, n = 1): void => {
    into[name] = (into[name] ?? 0) + n;
  };
  const result: BatchResult = {
    lines: Buffer.alloc(0),
    lineCount: 0,
    lastSeq: null,
    lastUs: null,
    firstSeq: null,
    firstUs: null,
    frames: {},
    rows: {},
    rejected: {},
    leftOut: {},
    disagreements: 0,
    identities: [],
    notices: [],
    stepsBack: 0,
    skipped: 0,
    retryable: [],
    commits: [],
  };

  /** Runs a check by the batch's decoder, then with a fresh key, then by the reference: only then is it a rejection. */
  const check = async <T>(
    index: number,
    { frame, decoder }: { frame: OpenedFrame; decoder: Decoder },
    run: (decoder: Decoder, frame: OpenedFrame, answer: KeyAnswer | null) => T | Promise<T>,
  ): Promise<T> => {
    const did = frame.did ?? '';
    let answer = verify ? (keys.get(did) ?? null) : null;
    if (answer !== null && answer.key === null) throw new Rejection('did_unresolved', answer.error);
    let problem: Rejection;
    try {
      return await run(decoder, frame, answer);
    } catch (error) {
      problem = rejection(error);
    }
    if (problem.reason === 'bad_signature' && verify) {
      // the key may have been rotated since it was asked for; one that was asked for after the frame came is final
      const [fresh] = await askKeys([did], (batch.receivedUs[index] as number) / 1000);
      if (fresh !== undefined && fresh.key === null) throw new Rejection('did_unresolved', fresh.error);
      if (fresh !== undefined && fresh.didKey !== answer?.didKey) {
        answer = fresh;
        keys.set(did, fresh);
        try {
          return await run(decoder, frame, answer);
        } catch (error) {
          problem = rejection(error);
        }
      }
    }
    if (reference === null || decoder.name === 'reference') throw problem;
    try {
      const second = await reference();
      const taken = await run(second, second.open(batch.frames[index] as Buffer), answer);
      result.disagreements++;
      return taken;
    } catch {
      throw problem;
    }
  };

  for (const [index, { frame, decoder, problem }] of opened.entries()) {
    const bytes = batch.frames[index] as Buffer;
    const ingestedUs = batch.receivedUs[index] as number;
    const stamp: FrameStamp = {
      seq: frame?.seq ?? null,
      eventUs: frame?.eventUs ?? ingestedUs,
      did: frame?.did ?? null,
      ingestedUs,
    };
    count(result.frames, frame?.type ?? 'unreadable');
    if (stamp.seq !== null) {
      if (result.lastSeq !== null && stamp.seq <= result.lastSeq) result.stepsBack++;
      if (result.lastSeq !== null) result.skipped += Math.max(0, stamp.seq - result.lastSeq - 1);
      result.firstSeq ??= stamp.seq;
      result.firstUs ??= stamp.eventUs;
      result.lastSeq = stamp.seq;
      result.lastUs = stamp.eventUs;
    }
    const before = lines.length;
    const reject = ({ reason, message }: Rejection): void => {
      count(result.rejected, reason);
      if (retryReasons.has(reason)) result.retryable.push({ index, reason });
      const kept = bytes.length <= maxFrameBytes ? bytes : null;
      lines.push(rejectedLine(stamp, { reason, detail: message, frame: kept, attempts }, movesCursor));
    };
    if (frame === null) {
      reject(problem as Rejection);
    } else if (needsKey(frame.type) || frame.type === 'identity' || frame.type === 'account') {
      try {
        if (problem !== null) throw problem;
        if (frame.type === 'commit') {
          const commit = await check(index, { frame, decoder }, (by, f, a) =>
            by.commit(f, a?.key ?? null, a?.didKey ?? null),
          );
          writeCommit(commit, stamp, lines);
          if (commit.link !== null) addToChain(stamp, commit, commit.link, before);
        } else if (frame.type === 'sync') {
          const sync = await check(index, { frame, decoder }, (by, f, a) =>
            by.sync(f, a?.key ?? null, a?.didKey ?? null),
          );
          const { rev } = sync;
          count(result.rows, 'gap');
          lines.push(
            firehoseGapLine(
              {
                gap_id: gapId('firehose', 'sync', `${stamp.did} ${rev}`),
                kind: 'sync',
                state: 'open',
                did: stamp.did,
                collection: null,
                from_us: null,
                to_us: stamp.eventUs,
                from_seq: null,
                to_seq: stamp.seq,
                detail: `the repository was reset to rev ${rev}: fetch it whole`,
              },
              ingestedUs,
              null,
            ),
          );
          if (verify) addToChain(stamp, sync, null, before);
        } else if (frame.type === 'identity') {
          count(result.rows, 'identity');
          result.identities.push(stamp.did as string);
          lines.push(identityLine(stamp, text(frame.body.handle)));
        } else {
          count(result.rows, 'account');
          result.identities.push(stamp.did as string); // a migration may come with a new key
          lines.push(accountLine(stamp, frame.body.active === true, text(frame.body.status)));
        }
      } catch (error) {
        reject(rejection(error));
      }
    } else if (frame.type === 'info' || frame.type === 'error') {
      result.notices.push({
        kind: frame.type,
        name: text(frame.body.name) ?? text(frame.body.error) ?? '',
        message: text(frame.body.message) ?? '',
      });
    }
    // a frame that left no row, or only one that can't stand for a cursor, still moves the cursor when it is the last
    const leftRow = lines.length > before && frame?.type !== 'sync';
    if (
      movesCursor &&
      index === opened.length - 1 &&
      result.lastSeq !== null &&
      (!leftRow || stamp.seq === null)
    )
      lines.push(
        cursorLine({ ...stamp, seq: result.lastSeq, eventUs: result.lastUs ?? stamp.eventUs, did: null }),
      );
  }
  result.lines = Buffer.from(lines.join(''));
  result.lineCount = lines.length;
  return result;

  function addToChain(
    { did, seq, eventUs }: FrameStamp,
    { rev, data }: { rev: string; data?: string },
    link: ChainLink | null,
    line: number,
  ): void {
    result.commits.push({
      did: did as string,
      rev,
      data: link?.data ?? data ?? '',
      link,
      seq,
      eventUs,
      line,
      lines: lines.length - line,
    });
  }

  function writeCommit(commit: VerifiedCommit, stamp: FrameStamp, into: string[]): void {
    const kept = commit.operations.filter(({ collection }) => {
      if (keeps(collection)) return true;
      count(result.leftOut, collection);
      return false;
    });
    for (const [i, op] of kept.entries())
      into.push(
        recordLine(stamp, { ...op, rev: commit.rev, verified: verify }, movesCursor && i === kept.length - 1),
      );
    if (kept.length > 0) count(result.rows, 'record', kept.length);
  }
}

function openBy(decoder: Decoder, bytes: Buffer): Opened {
  const frame = decoder.open(bytes);
  const incomplete =
    (needsKey(frame.type) || frame.type === 'identity' || frame.type === 'account') &&
    (frame.seq === null || frame.eventUs === null || frame.did === null);
  const problem = incomplete
    ? new Rejection('malformed_frame', `a #${frame.type} without a seq, a time or a repository`)
    : null;
  return { frame, decoder, problem };
}

function openFast(bytes: Buffer, { decoder, maxFrameBytes }: BatchSettings): Opened | null {
  if (bytes.length > maxFrameBytes) {
    const problem = new Rejection('too_big', `a frame of ${bytes.length} bytes, over ${maxFrameBytes}`);
    return { frame: null, decoder, problem };
  }
  try {
    return openBy(decoder, bytes);
  } catch {
    return null;
  }
}

/** What the decoder could not open, the reference may; where both refuse, the decoder's reason is the more precise. */
async function openSlowly(bytes: Buffer, { decoder, reference }: BatchSettings): Promise<Opened> {
  let problem: Rejection;
  try {
    return openBy(decoder, bytes);
  } catch (error) {
    problem = rejection(error);
  }
  try {
    if (reference !== null) return openBy(await reference(), bytes);
  } catch {
    // the reason below stands
  }
  return { frame: null, decoder, problem };
}

async function resolveKeys(
  opened: Opened[],
  askKeys: AskKeys,
  freshSinceMs: number | null,
): Promise<Map<string, KeyAnswer>> {
  const dids = new Set<string>();
  for (const { frame, problem } of opened)
    if (frame !== null && problem === null && needsKey(frame.type) && frame.did !== null) dids.add(frame.did);
  const asked = [...dids];
  const answers = asked.length > 0 ? await askKeys(asked, freshSinceMs) : [];
  return new Map(asked.map((did, i) => [did, answers[i] as KeyAnswer]));
}
