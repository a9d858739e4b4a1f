import { metrics, type Counter } from '@opentelemetry/api';
import type { GapStatement } from '../spool/lines.ts';
import type { Spool } from '../spool/open.ts';

/** What a source counts; sums since capture began. */
export interface SourceCounts {
  /** Frames or events taken from the stream and put into the spool. */
  events: number;
  /** Rows by kind. */
  rows: Record<string, number>;
  rejected: Record<string, number>;
  /** Operations of collections that are not kept. */
  leftOut: Record<string, number>;
  disagreements: number;
  /** Frames that were rejected first and taken on another try. */
  healed: number;
  /** Sequence numbers that went back, which a relay's restart may cause. */
  stepsBack: number;
  /** Sequence numbers that were passed over. */
  skipped: number;
}

/** What the server said about the stream itself. */
export interface Notice {
  kind: 'info' | 'error';
  name: string;
  message: string;
}

export interface SourceEvents {
  /** Events are in the spool, the last of them at this position. */
  onTaken(at: {
    first: { seq: number | null; us: number | null };
    cursor: number | null;
    us: number | null;
  }): void;
  onNotice(notice: Notice): void;
}

/** A kind of stream: how it is asked for and how its messages become lines of the spool. */
export interface Source {
  readonly stream: string;
  readonly counts: SourceCounts;
  /** Messages that are rejected for now and will be tried again. */
  readonly retrying: number;
  /** Address to connect to, to go on after a cursor. */
  url(cursor: number | null): string;
  /** Takes a message; it is in the spool once `drained` says so. Never throws for what the message holds. */
  take(message: Buffer): void;
  /** Messages that were taken and are not in the spool yet. */
  readonly backlog: { messages: number; bytes: number };
  /** Resolves when all that was taken is in the spool; rejects if that can't be. */
  drained(): Promise<void>;
  /** Rejects when the source can't go on. */
  readonly failed: Promise<never>;
  /** Writes a statement down, with where the stream stands. */
  stateGap(gap: GapStatement, cursor: number | null): void;
  close(): Promise<void>;
}

export type OpenSource = (spool: Spool, events: SourceEvents) => Promise<Source>;

/** Counts of a source that has seen nothing yet. */
export const newSourceCounts = (): SourceCounts => ({
  events: 0,
  rows: {},
  rejected: {},
  leftOut: {},
  disagreements: 0,
  healed: 0,
  stepsBack: 0,
  skipped: 0,
});

/** The same counts as metrics: what came, by type, and what could not be taken, by reason. */
export function sourceCounters(): { events: Counter; rejected: Counter } {
  const meter = metrics.getMeter('feedtrial');
  return {
    events: meter.createCounter('feedtrial.capture.events', { description: 'frames or events by type' }),
    rejected: meter.createCounter('feedtrial.capture.rejected', {
      description: 'frames or events that could not be taken, by reason',
    }),
  };
}
