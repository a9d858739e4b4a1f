import { closeSync, existsSync, fstatSync, openSync, readSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { listSealed, readPulse, readSeals, type CapturePulse } from '../../lake/index.ts';

/** One spool stream as its files tell it. */
export interface StreamStatus {
  stream: string;
  /** Cursor after the last durable line, as the source counts; null where it has none. */
  cursor: number | null;
  /** When something was last made durable, microseconds UTC. */
  lastWrittenUs: number;
  /** Witness time of the last event that is still in the spool; null where landing took all. */
  lastEventUs: number | null;
  sealedWaiting: number;
  linesWaiting: number;
  /** Segments that are being written, or were left by a process that died. */
  open: number;
  /** What the capture that writes it says of itself, or said last; null where none does. */
  capture: (CapturePulse & { running: boolean }) | null;
}

/** A capture says about once a second how it is; one that has been silent for so long is gone, or as good as. */
const silentMs = 20_000;

const tailBytes = 1 << 20;

/** The last whole lines of a file, newest first. */
function lastLines(file: string): string[] {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    const tail = Buffer.alloc(Math.min(size, tailBytes));
    readSync(fd, tail, 0, tail.length, size - tail.length);
    return tail
      .toString('utf8')
      .split('\n')
      .slice(size > tail.length ? 1 : 0, -1) // a half line at either end is none
      .filter(Boolean)
      .reverse();
  } finally {
    closeSync(fd);
  }
}

/** Where a line of each format keeps the moment that it speaks of. */
function eventUs(line: string): number | null {
  try {
    const value = JSON.parse(line) as Record<string, unknown>;
    const raw = value.e as Record<string, unknown> | undefined;
    const found =
      value.event_us ??
      raw?.time_us ??
      (typeof value.t === 'number' ? value.t : undefined) ??
      value.served_us ??
      value.received_us ??
      value.ts;
    return typeof found === 'number' ? found : null;
  } catch {
    return null;
  }
}

function lastEvent(file: string): number | null {
  for (const line of lastLines(file)) {
    const us = eventUs(line);
    if (us !== null) return us;
  }
  return null;
}

/** Streams of the spool, by name. Reads file names, seals and the end of the newest segments: never whole segments. */
export function readStreams(spool: string, nowMs: number): StreamStatus[] {
  if (!existsSync(spool)) return [];
  const waiting = listSealed(spool);
  const entries = readdirSync(spool, { withFileTypes: true });
  const names = new Set(
    entries.flatMap((entry) =>
      entry.isDirectory() ? entry.name : (/^(.+)\.status\.json$/.exec(entry.name)?.[1] ?? []),
    ),
  );
  return [...names].sort().flatMap((stream): StreamStatus[] => {
    const folder = path.join(spool, stream);
    // a stream that has given nothing yet has no folder
    const open = (existsSync(folder) ? readdirSync(folder) : [])
      .filter((name) => name.endsWith('.open'))
      .sort();
    const seals = readSeals(spool, stream);
    const pulse = readPulse(spool, stream);
    const mine = waiting.filter((segment) => segment.stream === stream);
    if (open.length === 0 && seals.length === 0 && pulse === null) return [];
    const newest = open.map((name) => path.join(folder, name)).concat(mine.map((s) => s.file));
    let lastEventUs: number | null = null;
    for (const file of newest.sort().reverse()) {
      try {
        lastEventUs = lastEvent(file);
      } catch {
        continue; // sealed, or landed and removed, since the folder was read
      }
      if (lastEventUs !== null) break;
    }
    const openedMs = open.map((name) => Number(name.slice(0, 13)));
    return [
      {
        stream,
        cursor: pulse?.durableCursor ?? seals.findLast((seal) => seal.cursor !== null)?.cursor ?? null,
        lastWrittenUs: Math.max(0, ...seals.map((s) => s.sealedMs), ...openedMs) * 1000,
        lastEventUs,
        sealedWaiting: mine.length,
        linesWaiting: mine.reduce((sum, segment) => sum + segment.lines, 0),
        open: open.length,
        capture:
          pulse === null
            ? null
            : { ...pulse, running: !pulse.ended && Math.abs(nowMs - pulse.nowMs) < silentMs },
      },
    ];
  });
}
