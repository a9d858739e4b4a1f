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

/** Servers may send again what lies before the cursor, but not so many. */
const farReplay = 1_000_000;
/** Times of neighbouring events are out of order by less. */
const clockJitterUs = 2_000_000;

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
      // a lower number far away, or on a newer event: no replay, but a server that counts anew and doesn't say so
      const { from_seq: fromSeq, from_us: fromUs } = open;
      if (
        seq !== null &&
        us !== null &&
        fromSeq !== null &&
        fromUs !== null &&
        seq < fromSeq &&
        (fromSeq - seq > farReplay || us - fromUs > clockJitterUs)
      )
        lost ??= {
          kind: 'sequence_reset',
          detail: 'the server counts anew from a lower number: a backfill can fetch what lies between',
        };
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
