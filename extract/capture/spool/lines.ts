import { createHash } from 'node:crypto';

/** Spool format of the firehose: one JSON object a line, always with t, seq, event_us, did, ingested_at and source. */
export const firehoseFormat = 'firehose/1';
/** Spool format of Jetstream: {"i": microseconds, "e": the event as it came}, or {"i", "gap"}, or {"i", "rejected"}. */
export const jetstreamFormat = 'jetstream/1';

/** Spool format of labels: one JSON object a line, its keys the columns of `raw.moderation_labels`, with `t` as the firehose has it. */
export const moderationFormat = 'moderation/1';

/** A statement about a stretch of a stream that may be missing; the columns of `raw.gaps`. */
export interface GapStatement {
  gap_id: string;
  kind: string;
  state: 'open' | 'closed';
  did: string | null;
  collection: string | null;
  from_us: number | null;
  to_us: number | null;
  from_seq: number | null;
  to_seq: number | null;
  detail: string | null;
}

/** The same cursor always names the same gap, so that whoever closes it needs no memory of who opened it. */
export function gapId(stream: string, kind: string, subject: string | number): string {
  return `${stream}-${kind}-${createHash('sha256').update(`${stream} ${kind} ${subject}`).digest('hex').slice(0, 16)}`;
}

/**
 * A commit with several operations is several lines; only the last may move the cursor, or a crash between them would
 * lose the others. The lines before it carry `"resume":false`.
 */
const noResume = '"resume":false';

/** Cursor that a line of the firehose's spool stands for; null if it has none or is not the last of its frame. */
export function firehoseCursorOf(line: Buffer): number | null {
  try {
    const row = JSON.parse(line.toString('utf8')) as {
      t?: unknown;
      seq?: unknown;
      resume?: unknown;
      cursor?: unknown;
    };
    if (row.resume === false) return null;
    if (row.t === 'gap') return Number.isSafeInteger(row.cursor) ? (row.cursor as number) : null;
    return Number.isSafeInteger(row.seq) ? (row.seq as number) : null;
  } catch {
    return null;
  }
}

/** What every line of one frame shares. */
export interface FrameStamp {
  seq: number | null;
  eventUs: number;
  did: string | null;
  ingestedUs: number;
}

const stamp = (t: string, { seq, eventUs, did, ingestedUs }: FrameStamp, resume: boolean): string =>
  `{"t":"${t}","seq":${seq},"event_us":${eventUs},"did":${JSON.stringify(did)},"ingested_at":${ingestedUs},"source":"firehose"${resume ? '' : `,${noResume}`}`;

/** One operation on a record. `record` is JSON text already. */
export function recordLine(
  frame: FrameStamp,
  row: {
    collection: string;
    rkey: string;
    operation: string;
    cid: string | null;
    rev: string;
    record: string | null;
    verified: boolean;
  },
  resume: boolean,
): string {
  const cid = row.cid === null ? 'null' : `"${row.cid}"`;
  return `${stamp('record', frame, resume)},"live":true,"verified":${row.verified},"collection":${JSON.stringify(row.collection)},"rkey":${JSON.stringify(row.rkey)},"operation":"${row.operation}","cid":${cid},"rev":${JSON.stringify(row.rev)},"record":${row.record ?? 'null'}}\n`;
}

export const identityLine = (frame: FrameStamp, handle: string | null): string =>
  `${stamp('identity', frame, true)},"handle":${JSON.stringify(handle)}}\n`;

export const accountLine = (frame: FrameStamp, active: boolean, status: string | null): string =>
  `${stamp('account', frame, true)},"active":${active},"status":${JSON.stringify(status)}}\n`;

export const rejectedLine = (
  frame: FrameStamp,
  row: { reason: string; detail: string; frame: Buffer | null; attempts: number },
  resume: boolean,
): string =>
  `${stamp('rejected', frame, resume)},"reason":"${row.reason}","detail":${JSON.stringify(row.detail.slice(0, 2_000))},"frame":${row.frame === null ? 'null' : `"${row.frame.toString('base64')}"`},"attempts":${row.attempts}}\n`;

/** Moves the cursor past frames that leave no row. */
export const cursorLine = (frame: FrameStamp): string => `${stamp('cursor', frame, true)}}\n`;

/**
 * @param cursor where the stream stood when this was stated, so that a segment with nothing else in it has a cursor;
 * null where it stands between the lines of a batch
 */
export const firehoseGapLine = (gap: GapStatement, nowUs: number, cursor: number | null): string =>
  `${JSON.stringify({ t: 'gap', seq: null, event_us: nowUs, ingested_at: nowUs, source: 'firehose', ...gap, ...(cursor === null ? {} : { cursor }) })}\n`;

export const jetstreamGapLine = (gap: GapStatement, nowUs: number, cursor: number | null): string =>
  `${JSON.stringify({ i: nowUs, gap: { event_us: nowUs, source: 'jetstream', ...gap }, ...(cursor === null ? {} : { cursor }) })}\n`;
