import { gapId, jetstreamGapLine, type GapStatement } from '../spool/lines.ts';
import type { Spool } from '../spool/open.ts';
import type { Source, SourceEvents } from '../stream/source.ts';
import { newSourceCounts, sourceCounters } from '../stream/source.ts';
import { isVersion2, readJetstreamMessage, type JetstreamEvent } from './event.ts';
import { dictionaryId, unpack } from './unpack.ts';

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

/** A repository was reset: what it holds now has to be fetched. */
const resetOf = ({ did, timeUs }: JetstreamEvent, rev: string): GapStatement => ({
  gap_id: gapId('jetstream', 'sync', `${did} ${rev}`),
  kind: 'sync',
  state: 'open',
  did,
  collection: null,
  from_us: null,
  to_us: timeUs,
  from_seq: null,
  to_seq: null,
  detail: `the repository was reset to rev ${rev}: fetch it whole`,
});

const lineEnd = Buffer.from('}\n');

/**
 * Jetstream: JSON events, unsigned. They go to the spool as they came, those of version 2 in their envelope. The path of the
 * address says which version it is. Both are asked by time: a server of version 2 numbers its events as well, but
 * only for itself.
 */
export function openJetstreamSource(options: JetstreamSourceOptions): Source {
  const { url, spool, events, collections, dictionary = null, now = Date.now } = options;
  const counters = sourceCounters();
  const version2 = isVersion2(url);
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
    retrying: 0,
    backlog,
    failed: new Promise<never>(() => {}),
    url(cursor) {
      const asked = new URL(url);
      const wanted = version2 ? 'collections' : 'wantedCollections';
      for (const collection of collections) asked.searchParams.append(wanted, collection);
      if (dictionary !== null && version2)
        asked.searchParams.set('zstdDictionary', String(dictionaryId(dictionary)));
      else if (dictionary !== null) asked.searchParams.set('compress', 'true');
      if (cursor !== null) asked.searchParams.set('cursor', String(cursor));
      askedUs = cursor;
      return asked.href;
    },
    take(received) {
      const message = dictionary === null ? received : unpack(received, dictionary);
      const nowUs = Math.round(now() * 1000);
      const event = readJetstreamMessage(message);
      if (event !== null && 'notice' in event) {
        flush(); // what came before it was from where the stream stood then
        // the server has said itself what `lostUs` would have to guess
        if (event.name === 'OutdatedCursor') askedUs = null;
        events.onNotice({ kind: event.notice, name: event.name, message: event.message });
        return;
      }
      if (event === null) {
        const reason = 'malformed_frame';
        counts.rejected[reason] = (counts.rejected[reason] ?? 0) + 1;
        counters.rejected.add(1, { reason });
        const row = {
          reason,
          detail: 'not a Jetstream event',
          frame: message.toString('base64'),
          attempts: 1,
        };
        pieces.push(Buffer.from(`${JSON.stringify({ i: nowUs, rejected: row })}\n`));
      } else {
        counts.rows[event.kind] = (counts.rows[event.kind] ?? 0) + 1;
        counters.events.add(1, { type: event.kind });
        if (event.version === 1) pieces.push(Buffer.from(`{"i":${nowUs},"e":`), message, lineEnd);
        else if (event.syncedRev === null)
          pieces.push(Buffer.from(`{"i":${nowUs},"t":${event.timeUs},"m":`), message, lineEnd);
        else pieces.push(Buffer.from(jetstreamGapLine(resetOf(event, event.syncedRev), nowUs, event.timeUs)));
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
