import { isUtf8 } from 'node:buffer';

/** What capture has to know of an event; the event itself is kept as it came. */
export interface JetstreamEvent {
  timeUs: number;
  /** 'commit', 'identity', 'account', or another. */
  kind: string;
}

const newline = 0x0a;

/**
 * Looks at an event without changing it. Parsing is the only check of a stream that nobody signed, and what isn't JSON must
 * not get into a file of JSON lines.
 * @returns null for what is not a Jetstream event of one line
 */
export function readJetstreamEvent(message: Buffer): JetstreamEvent | null {
  if (message.includes(newline) || !isUtf8(message)) return null;
  try {
    const event = JSON.parse(message.toString('utf8')) as {
      time_us?: unknown;
      kind?: unknown;
      did?: unknown;
    } | null;
    if (event === null || typeof event !== 'object' || !Number.isSafeInteger(event.time_us)) return null;
    if (typeof event.did !== 'string' || typeof event.kind !== 'string') return null;
    return { timeUs: event.time_us as number, kind: event.kind };
  } catch {
    return null;
  }
}

/** Time of a line of the spool, which is also its cursor; of a statement about a gap, where the stream stood then. */
export function jetstreamCursorOf(line: Buffer): number | null {
  try {
    const { e, cursor } = JSON.parse(line.toString('utf8')) as {
      e?: { time_us?: unknown };
      cursor?: unknown;
    };
    const time = e === undefined ? cursor : e.time_us;
    return Number.isSafeInteger(time) ? (time as number) : null;
  } catch {
    return null;
  }
}
