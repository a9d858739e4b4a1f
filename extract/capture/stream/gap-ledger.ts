import { gapId, type GapStatement } from '../spool/lines.ts';

/** Where a stream stands: its cursor and the time of what it last gave. */
export interface StreamPosition {
  cursor: number | null;
  us: number | null;
}

/**
 * States what may be missing from a stream. A gap opens when the stream is left and closes with the first event after it,
 * if the server went on from our cursor; if it could not, the gap stays open until a backfill covers it.
 *
 * Example: events …41, 42, disconnect -> open(from_seq 42); reconnect with cursor 42, event 43 -> closed(to_seq 43).
 */
export interface GapLedger {
  /** The stream was left, or was never followed. Null if a gap is open already. */
  leave(kind: string, from: StreamPosition, detail: string): GapStatement | null;
  /** The server can't go on from the cursor: what lies between is lost to it. */
  lose(kind: string, detail: string): void;
  /** The first event after a gap has been taken; null if no gap was open. */
  arrive(at: { seq: number | null; us: number | null }): GapStatement | null;
}

export function openGapLedger(stream: string): GapLedger {
  let open: GapStatement | null = null;
  let lost: { kind: string; detail: string } | null = null;
  return {
    leave(kind, from, detail) {
      if (open !== null) return null;
      open = {
        gap_id: gapId(stream, from.cursor === null ? 'first_start' : 'left', from.cursor ?? 'never'),
        kind,
        state: 'open',
        did: null,
        collection: null,
        from_us: from.us,
        to_us: null,
        from_seq: from.cursor,
        to_seq: null,
        detail,
      };
      if (from.cursor === null)
        lost = { kind, detail: 'nothing before this was captured: a backfill can fetch it' };
      return open;
    },
    lose(kind, detail) {
      lost = { kind, detail };
    },
    arrive({ seq, us }) {
      if (open === null) return null;
      const statement: GapStatement =
        lost === null
          ? { ...open, state: 'closed', to_seq: seq, to_us: us, detail: 'the server went on from the cursor' }
          : { ...open, kind: lost.kind, to_seq: seq, to_us: us, detail: lost.detail };
      open = null;
      lost = null;
      return statement;
    },
  };
}
