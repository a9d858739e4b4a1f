import { metrics } from '@opentelemetry/api';
import { jetstreamGapLine } from '../spool/lines.ts';
import type { Spool } from '../spool/open.ts';
import type { Source, SourceEvents } from '../stream/source.ts';
import { newSourceCounts } from '../stream/source.ts';
import { readJetstreamEvent } from './event.ts';
import { unpack } from './unpack.ts';

export interface JetstreamSourceOptions {
  url: URL;
  spool: Spool;
  events: SourceEvents;
  collections: string[];
  /** The server's zstd dictionary: with it events are asked for compressed. */
  dictionary?: Buffer | null;
  now?: () => number;
}

/** Events of servers behind one name differ in time by a little, and come slightly out of order: go back this far. */
export const rewindUs = 5_000_000;
/** A first event this much later than what was asked for means that the server doesn't have what lies between. */
const lostUs = 120_000_000;

const lineEnd = Buffer.from('}\n');

/** Jetstream v1: JSON events, unsigned. They go to the spool as they came. */
export function openJetstreamSource(options: JetstreamSourceOptions): Source {
  const { url, spool, events, collections, dictionary = null, now = Date.now } = options;
  const meter = metrics.getMeter('feedtrial');
  const eventCounter = meter.createCounter('feedtrial.capture.events', { description: 'events by type' });
  const rejectedCounter = meter.createCounter('feedtrial.capture.rejected', {
    description: 'events by reason',
  });
  const counts = newSourceCounts();
  const backlog = { messages: 0, bytes: 0 };
  let pieces: Buffer[] = [];
  let lineCount = 0;
  let firstUs: number | null = null;
  let lastUs: number | null = null;
  let askedUs: number | null = null;
  let timer: NodeJS.Immediate | null = null;

  const flush = (): void => {
    if (timer !== null) clearImmediate(timer);
    timer = null;
    if (backlog.messages === 0) return;
    if (lineCount > 0) spool.append(Buffer.concat(pieces), lineCount, lastUs);
    counts.events += backlog.messages;
    backlog.messages = backlog.bytes = 0;
    pieces = [];
    lineCount = 0;
    if (lastUs === null) return;
    if (askedUs !== null && firstUs !== null && firstUs - askedUs > lostUs)
      events.onNotice({
        kind: 'info',
        name: 'OutdatedCursor',
        message: `asked for ${askedUs}, got ${firstUs}`,
      });
    askedUs = null;
    events.onTaken({ first: { seq: null, us: firstUs }, cursor: lastUs, us: lastUs });
    firstUs = null;
  };

  return {
    stream: 'jetstream',
    counts,
    backlog,
    failed: new Promise<never>(() => {}),
    url(cursor) {
      const asked = new URL(url);
      for (const collection of collections) asked.searchParams.append('wantedCollections', collection);
      if (dictionary !== null) asked.searchParams.set('compress', 'true');
      if (cursor !== null) asked.searchParams.set('cursor', String(cursor));
      askedUs = cursor;
      return asked.href;
    },
    take(received) {
      const message = dictionary === null ? received : unpack(received, dictionary);
      const nowUs = Math.round(now() * 1000);
      const event = readJetstreamEvent(message);
      if (event === null) {
        const reason = 'malformed_frame';
        counts.rejected[reason] = (counts.rejected[reason] ?? 0) + 1;
        rejectedCounter.add(1, { reason });
        const row = {
          reason,
          detail: 'not a Jetstream event',
          frame: message.toString('base64'),
          attempts: 1,
        };
        pieces.push(Buffer.from(`${JSON.stringify({ i: nowUs, rejected: row })}\n`));
      } else {
        counts.rows[event.kind] = (counts.rows[event.kind] ?? 0) + 1;
        eventCounter.add(1, { type: event.kind });
        pieces.push(Buffer.from(`{"i":${nowUs},"e":`), message, lineEnd);
        firstUs ??= event.timeUs;
        lastUs = event.timeUs;
      }
      lineCount++;
      backlog.messages++;
      backlog.bytes += message.length;
      if (backlog.messages >= 1_024) flush();
      else timer ??= setImmediate(flush);
    },
    drained: async () => flush(),
    stateGap(gap, cursor) {
      spool.append(jetstreamGapLine(gap, Math.round(now() * 1000), cursor), 1, cursor);
    },
    close: async () => flush(),
  };
}
