import { isUtf8 } from 'node:buffer';
import { eventMicroseconds } from '../firehose/event-time.ts';

/** What capture has to know of an event; the event itself is kept as it came. */
export interface JetstreamEvent {
  /** Microseconds UTC at which the server witnessed it: the cursor of both versions. */
  timeUs: number;
  /** 'commit', 'identity', 'account', 'sync', or another. */
  kind: string;
  did: string;
  /** Rev that a repository was reset to; null for anything but a 'sync'. */
  syncedRev: string | null;
  version: 1 | 2;
}

/** What a server of version 2 says about the stream itself. */
export interface JetstreamNotice {
  notice: 'info' | 'error';
  name: string;
  message: string;
}

/** Where servers of version 2 have their stream. Those of version 1, and those of 2 for clients of 1, have it at /subscribe. */
const eventsOfVersion2 = 'network.bsky.jetstream.subscribeEvents';
export const isVersion2 = (server: URL): boolean => server.pathname.endsWith(`/xrpc/${eventsOfVersion2}`);

const newline = 0x0a;

interface Version1 {
  time_us?: unknown;
  kind?: unknown;
  did?: unknown;
}

/** An envelope of the subprotocol xrpc.v1.json. Servers say 'message' where its proposal says 'event'. */
interface Envelope {
  $type: 'message' | 'event' | 'error';
  payload?: Record<string, unknown> | null;
  error?: unknown;
  message?: unknown;
}

/**
 * Looks at a message without changing it. Parsing is the only check of a stream that nobody signed, and what isn't JSON must
 * not get into a file of JSON lines.
 * @returns null for what is neither an event of one line nor a notice
 */
export function readJetstreamMessage(message: Buffer): JetstreamEvent | JetstreamNotice | null {
  if (message.includes(newline) || !isUtf8(message)) return null;
  let read: (Version1 & Partial<Envelope>) | null;
  try {
    read = JSON.parse(message.toString('utf8')) as typeof read;
  } catch {
    return null;
  }
  if (read === null || typeof read !== 'object') return null;
  if (typeof read.$type === 'string') return readEnvelope(read as Envelope);
  const { time_us: timeUs, kind, did } = read;
  if (!Number.isSafeInteger(timeUs) || typeof did !== 'string' || typeof kind !== 'string') return null;
  return { timeUs: timeUs as number, kind, did, syncedRev: null, version: 1 };
}

const text = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 500) : '');

function readEnvelope({ $type, payload, error, message }: Envelope): JetstreamEvent | JetstreamNotice | null {
  if ($type === 'error') return { notice: 'error', name: text(error), message: text(message) };
  if (($type !== 'message' && $type !== 'event') || typeof payload !== 'object' || payload === null)
    return null;
  const type = text(payload.$type);
  if (!type.startsWith(`${eventsOfVersion2}#`)) return null;
  const kind = type.slice(eventsOfVersion2.length + 1);
  if (kind === 'info') return { notice: 'info', name: text(payload.name), message: text(payload.message) };
  // an operator may have given an event another time; a cursor is compared with when it was witnessed
  const timeUs = eventMicroseconds(payload.witnessedAt) ?? eventMicroseconds(payload.time);
  if (timeUs === null || typeof payload.did !== 'string') return null;
  const sync = payload.sync as { rev?: unknown } | undefined;
  return { timeUs, kind, did: payload.did, syncedRev: kind === 'sync' ? text(sync?.rev) : null, version: 2 };
}

/** Time of a line of the spool, which is also its cursor; of a statement about a gap, where the stream stood then. */
export function jetstreamCursorOf(line: Buffer): number | null {
  try {
    const { e, t, cursor } = JSON.parse(line.toString('utf8')) as {
      e?: { time_us?: unknown };
      t?: unknown;
      cursor?: unknown;
    };
    const time = e === undefined ? (t ?? cursor) : e.time_us;
    return Number.isSafeInteger(time) ? (time as number) : null;
  } catch {
    return null;
  }
}
