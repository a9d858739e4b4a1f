import fs from 'node:fs';
import path from 'node:path';

/** How a capture is, as it says about once a second in `<spool>/<stream>.status.json`. */
export interface CapturePulse {
  pid: number;
  runId: string;
  /** When it said so; milliseconds UTC. */
  nowMs: number;
  startedMs: number;
  /** It has sealed and gone; what it says is how it was. */
  ended: boolean;
  /** Server that it follows, without its path. */
  host: string;
  connected: boolean;
  /** Reading stands still until what was taken is written or verified. */
  paused: boolean;
  /** Why nothing can be written: the disk is full. Null while all is well. */
  stalled: string | null;
  /** Cursor of what is on disk: where a capture that starts now would go on. */
  durableCursor: number | null;
  /** Time of the last event taken, microseconds UTC, and how long ago that is. */
  eventUs: number | null;
  lagSeconds: number | null;
  /** Since it started. */
  events: number;
  /** Over the last ten seconds or so. */
  eventsPerSecond: number;
  rejected: Record<string, number>;
  /** Rejected for now, and to be tried again. */
  retrying: number;
  leftOut: Record<string, number>;
}

const fileOf = (spool: string, stream: string): string => path.join(spool, `${stream}.status.json`);

/** A pulse is padded to this, so that one fits in the place of another on a disk that is full. */
const pulseBytes = 4_096;

/** Replaces what was said before, on a full disk too: that the disk is full is what has to be said then. Never worth failing for. */
export function writePulse(spool: string, stream: string, pulse: CapturePulse): void {
  const file = fileOf(spool, stream);
  const text = JSON.stringify(pulse);
  const padded = text.padEnd(Math.ceil(text.length / pulseBytes) * pulseBytes);
  try {
    fs.writeFileSync(`${file}.tmp`, padded);
    fs.renameSync(`${file}.tmp`, file);
  } catch {
    try {
      fs.rmSync(`${file}.tmp`, { force: true });
      const open = fs.openSync(file, 'r+');
      try {
        // not at once: who reads in between finds no JSON, and looks again
        fs.writeSync(open, padded, 0, 'utf8');
      } finally {
        fs.closeSync(open);
      }
    } catch {
      // the log has it
    }
  }
}

/** What a capture said last; null where none ever said anything, or what it said can't be read. */
export function readPulse(spool: string, stream: string): CapturePulse | null {
  try {
    const read = JSON.parse(fs.readFileSync(fileOf(spool, stream), 'utf8')) as CapturePulse | null;
    return typeof read?.nowMs === 'number' && typeof read.eventsPerSecond === 'number' ? read : null;
  } catch {
    return null;
  }
}

const windowMs = 10_000;

/** Events a second over a moving window. */
export function openRate(): (nowMs: number, events: number) => number {
  const seen: { ms: number; events: number }[] = [];
  return (nowMs, events) => {
    seen.push({ ms: nowMs, events });
    while (seen.length > 2 && nowMs - (seen[1] as (typeof seen)[number]).ms >= windowMs) seen.shift();
    const first = seen[0] as (typeof seen)[number];
    return nowMs > first.ms ? ((events - first.events) * 1000) / (nowMs - first.ms) : 0;
  };
}
