import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { collectionGroups, openLake, openRate, writePulse, type CapturePulse } from '../../lake/index.ts';
import type { Config } from '../../ops/config/index.ts';
import { createProgress } from '../../ops/progress/index.ts';
import { log, newRunId, runStage } from '../../ops/telemetry/index.ts';
import { openChain, type Chain, type ChainCounts } from './chain/follow.ts';
import { captureErrors } from './errors.ts';
import { defaultMaxFrameBytes } from './firehose/batch.ts';
import { isCollectionPattern } from './firehose/collections.ts';
import { openFirehoseSource } from './firehose/source.ts';
import { openVerifiers } from './firehose/verifiers.ts';
import { closeIdleConnections } from '../../ops/fetch/index.ts';
import { takeStreamLease, type LeasePosition } from './handover/lease.ts';
import { openSigningKeys } from './identity/keys.ts';
import { resolveSigningKey } from './identity/resolve.ts';
import { isVersion2, jetstreamCursorOf } from './jetstream/event.ts';
import { openJetstreamSource, rewindUs } from './jetstream/source.ts';
import { dictionaryId } from './jetstream/unpack.ts';
import { openModerationSource } from './moderation/source.ts';
import { firehoseCursorOf, firehoseFormat, jetstreamFormat, moderationFormat } from './spool/lines.ts';
import { openSpool, type Spool } from './spool/open.ts';
import { takeOver, watchForSuccessor } from './spool/take-over.ts';
import { streamUrl } from './stream/connection.ts';
import { followStream, type FollowOptions, type Pulse, type StoppedBy } from './stream/follow.ts';
import {
  collectionGaps,
  leftOutGaps,
  newlyKept,
  readSettings,
  serverOf,
  withKept,
  writeSettings,
} from './stream/settings-history.ts';
import { newSourceCounts, type OpenSource } from './stream/source.ts';
import { openTombstonePublisher, type TombstonePublisher } from './tombstones/publish.ts';

export const captureSources = ['firehose', 'jetstream', 'moderation'] as const;
export type CaptureSource = (typeof captureSources)[number];

export interface CaptureOptions {
  config: Config;
  source: CaptureSource;
  /** Relay or Jetstream server; by default the configured one. */
  url?: string | undefined;
  /** Directory of did:plc documents; by default the configured one. */
  plcUrl?: string | undefined;
  /** Collections to keep, such as 'app.bsky.feed.post' or 'app.bsky.graph.*'; none keeps all. By default the configured ones. */
  collections?: string[] | undefined;
  /** Stop after this many events of the stream (a commit is one, however many operations it has). */
  maxEvents?: number | undefined;
  /** Stop when nothing has come for this many seconds. */
  idleExitSeconds?: number | undefined;
  /** 'fast' asks the reference before it rejects anything; 'reference' is nothing but @atproto/sync's parser. */
  decoder?: 'fast' | 'reference' | undefined;
  /** False takes the firehose unverified, and its rows say so. Default true. */
  verify?: boolean | undefined;
  /** Spools commits that are sent again once more, as a benchmark that repeats its frames asks. Default false. */
  keepDuplicates?: boolean | undefined;
  /** The server is the one that the cursor is of, under another address. Default false. */
  sameServer?: boolean | undefined;
  /** Reconnect when nothing was heard for this many seconds; default 30. */
  watchdogSeconds?: number | undefined;
  /** File with the zstd dictionary of a Jetstream server: events are asked for compressed. */
  zstdDictionary?: string | undefined;
  /** Asks a capture that has the stream to end, and goes on where it stopped. */
  takeOver?: boolean | undefined;
  /**
   * Holds the stream's lease on the lake, for captures that share the lake and no spool: this one begins where the one
   * before it stopped. Default false.
   */
  lease?: boolean | undefined;
  /** How often the lease is renewed; milliseconds, default 5 s. */
  leaseEveryMs?: number | undefined;
  /** How long to wait for it; milliseconds, default 30 s. */
  takeOverWaitMs?: number | undefined;
  /** Aborting it seals the spool and returns within five seconds. */
  signal?: AbortSignal | undefined;
  dag?: string | undefined;
  runId?: string | undefined;
  now?: (() => number) | undefined;
  random?: (() => number) | undefined;
  /** Waits between attempts to connect; milliseconds. */
  backoff?: FollowOptions['backoff'];
  /** Waits before a frame that time may heal is tried again; milliseconds. */
  retryDelaysMs?: readonly number[] | undefined;
}

export interface CaptureSummary {
  source: CaptureSource;
  runId: string;
  /** 'successor': another capture took the stream over. */
  stoppedBy: StoppedBy | 'successor';
  /** Frames or events that went into the spool, rejected ones included. */
  events: number;
  /** Rows by kind: 'record', 'identity', 'account', … */
  rows: Record<string, number>;
  rejected: Record<string, number>;
  /** Operations of collections that are not kept, by collection. */
  leftOut: Record<string, number>;
  /** Frames that the fast decoder would have rejected and the reference took. */
  disagreements: number;
  /** Frames that were rejected first and taken on another try. */
  healed: number;
  /** How often the sequence went back, and how many numbers it passed over: both are lawful. */
  sequence: { back: number; skipped: number };
  /** What following each repository's chain of commits came to; null where nothing was verified. */
  chain: ChainCounts | null;
  connections: number;
  /** Collections ('*' for all others) that are kept from this capture on and were left out before, from when to when. */
  newlyKept: { collection: string; fromUs: number; toUs: number }[];
  /** The server that the cursor was of, if it was another: capture began with what is new. */
  changedFrom: string | null;
  /** Where the next capture goes on: a seq, or microseconds for Jetstream; null if nothing ever came. */
  cursor: number | null;
  /** Time of the last event, microseconds UTC. */
  eventUs: number | null;
  bytes: number;
  durationSeconds: number;
}

const paths = {
  firehose: '/xrpc/com.atproto.sync.subscribeRepos',
  jetstream: '/subscribe',
  moderation: '/xrpc/com.atproto.label.subscribeLabels',
} as const;
const formats = {
  firehose: firehoseFormat,
  jetstream: jetstreamFormat,
  moderation: moderationFormat,
} as const;

function check(options: CaptureOptions, collections: string[]): void {
  const { source, maxEvents, idleExitSeconds } = options;
  if (!captureSources.includes(source)) throw captureErrors.unknownSource(source);
  if (maxEvents !== undefined && !(Number.isSafeInteger(maxEvents) && maxEvents > 0))
    throw captureErrors.badOption('--max-events', 'a whole number over 0', maxEvents);
  if (idleExitSeconds !== undefined && !(idleExitSeconds > 0))
    throw captureErrors.badOption('--idle-exit', 'a number of seconds over 0', idleExitSeconds);
  const wrong = collections.find((pattern) => !isCollectionPattern(pattern));
  if (wrong !== undefined)
    throw captureErrors.badOption(
      '--collections',
      "an NSID such as 'app.bsky.feed.post' or 'app.bsky.graph.*'",
      wrong,
    );
}

/**
 * Follows a stream into the spool until it is stopped, has taken enough, or the stream goes quiet. What a previous capture
 * of this spool reached is where it starts.
 * @throws FeedtrialError FT_CAPTURE_… for wrong options (exit 2), a stream that another process writes, or a failing disk
 */
export async function capture(options: CaptureOptions): Promise<CaptureSummary> {
  const { config, source, now = Date.now, dag = 'capture', runId = newRunId(now()) } = options;
  // labels have no collections
  const collections = source === 'moderation' ? [] : (options.collections ?? config.collections);
  check(options, collections);
  const firehose = source === 'firehose';
  const ordersBySeq = source !== 'jetstream';
  const given =
    options.url ??
    { firehose: config.relayUrl, jetstream: config.jetstreamUrl, moderation: config.moderationUrl }[source];
  const url = streamUrl(given, paths[source]);
  if (url === null) throw captureErrors.badUrl(given);

  const dictionary =
    options.zstdDictionary === undefined ? null : readDictionary(options.zstdDictionary, url);

  return runStage({ config, dag, runId, stage: `capture.${source}`, now }, async (stage) => {
    const startedMs = now();
    const waitMs = options.takeOverWaitMs;
    const lock =
      options.takeOver === true
        ? await takeOver(config.spool, source, {
            ...(waitMs === undefined ? {} : { waitMs }),
            signal: options.signal,
          })
        : undefined;
    const spool = openSpool({
      lock,
      onAppend: (lines) => tombstones.see(lines),
      spool: config.spool,
      stream: source,
      format: formats[source],
      cursorOf: ordersBySeq ? firehoseCursorOf : jetstreamCursorOf,
      timeOf: ordersBySeq ? eventTimeOf : jetstreamCursorOf,
      now,
    });
    const lake = openLake(config.lake);
    const tombstones = openTombstonePublisher({ lake, stream: source, runId, now });
    for (const { id } of spool.recovered)
      seeSegment(tombstones, path.join(config.spool, source, `${id}.ndjson`));
    const server = serverOf(url);
    const lease =
      options.lease === true
        ? await takeStreamLease({
            lake,
            stream: source,
            runId,
            server,
            takeOver: options.takeOver === true,
            ...(waitMs === undefined ? {} : { waitMs }),
            ...(options.leaseEveryMs === undefined ? {} : { renewEveryMs: options.leaseEveryMs }),
            signal: options.signal,
            now,
          }).catch(async (error: unknown) => {
            await spool.close();
            throw error;
          })
        : null;
    const past = readSettings(config.spool, source);
    const own = spool.resumedCursor === null ? null : { cursor: spool.resumedCursor, us: spool.resumedUs };
    const inherited = inheritedPosition(
      lease?.from ?? null,
      own?.cursor ?? null,
      ordersBySeq ? server : null,
    );
    const resumed = inherited ?? own;
    // Jetstream's cursor is a time, which every server of its kind understands
    const changedFrom =
      past === null ||
      !ordersBySeq ||
      past.url === server ||
      options.sameServer === true ||
      inherited !== null
        ? null
        : past.url;
    const beganUs = resumed?.us ?? now() * 1000;
    const missed = past === null ? [] : newlyKept(past.kept, collections);
    for (const { collection, sinceUs } of missed)
      log.warn('a collection is kept that was left out before', { collection, since_us: sinceUs });
    if (changedFrom !== null && spool.resumedCursor !== null)
      log.warn('the server is another than the cursor is of: capture begins with what is new', {
        was: changedFrom,
        is: server,
      });
    const beganAt = { cursor: resumed?.cursor ?? null, us: beganUs };
    const named =
      source === 'moderation'
        ? []
        : leftOutGaps(source, past?.kept ?? [], collections, collectionGroups, beganAt);
    const changed = collectionGaps(source, missed, beganAt);
    const collectionStatements = [
      ...changed,
      ...named.filter(({ gap_id: id }) => !changed.some((gap) => gap.gap_id === id)),
    ];
    const followedWith = withKept(past, server, collections, beganUs);
    let remembered = JSON.stringify(followedWith) === JSON.stringify(past);
    /** Once what was stated is durable, and the cursor is this server's: a crash before that states it again. */
    const remember = (durable: boolean): void => {
      const moved = changedFrom === null || spool.durableCursor !== spool.resumedCursor;
      if (remembered || !durable || !moved) return;
      try {
        writeSettings(config.spool, source, followedWith);
        remembered = true;
      } catch {
        // a full disk says so elsewhere
      }
    };
    const followed = new AbortController(); // by a successor
    const unwatch = watchForSuccessor(config.spool, source, () => {
      followed.abort();
    });
    const standsAt = (): LeasePosition => ({
      server,
      // what was inherited is durable with whoever had it
      cursor:
        spool.appended.bytes > 0 && spool.durableCursor !== own?.cursor
          ? spool.durableCursor
          : (resumed?.cursor ?? null),
      us: last.position.us,
    });
    lease?.keep(standsAt, () => {
      followed.abort();
    });
    const signals = options.signal === undefined ? [followed.signal] : [followed.signal, options.signal];
    const ended = new AbortController();
    let chain: Chain | null = null;
    let startCursor = resumed?.cursor ?? null;
    const progress = createProgress({ label: `capture ${source}`, unit: 'events', now });
    let shown = 0;
    let last: Pulse = {
      connected: false,
      paused: false,
      position: { cursor: resumed?.cursor ?? null, us: resumed?.us ?? null },
      source: { counts: newSourceCounts(), retrying: 0 },
    };
    const rate = openRate();
    /** Tells `status` how things are. */
    const say = (isEnd: boolean): CapturePulse => {
      const { connected, paused, position, source: of } = last;
      const nowMs = now();
      const lagMs = position.us === null ? null : Math.max(0, Math.round(nowMs - position.us / 1000));
      const pulse: CapturePulse = {
        pid: process.pid,
        runId,
        nowMs,
        startedMs,
        ended: isEnd,
        host: url.host,
        connected,
        paused,
        stalled: spool.stalled,
        durableCursor: spool.durableCursor,
        eventUs: position.us,
        lagSeconds: lagMs === null ? null : lagMs / 1000,
        events: of.counts.events,
        eventsPerSecond: rate(nowMs, of.counts.events),
        rejected: of.counts.rejected,
        retrying: of.retrying,
        leftOut: of.counts.leftOut,
      };
      writePulse(config.spool, source, pulse);
      return pulse;
    };
    try {
      if (firehose && (options.verify ?? true)) {
        // states of before another capture had the stream tell nothing of what follows on that one
        const opened = openChain(config.spool, inherited === null ? own : { ...inherited, us: null }, {
          now,
        });
        chain = opened.chain;
        startCursor = opened.cursor;
      }
      // a label stands until it is taken back, so those of the past count as well
      else if (source === 'moderation' && (startCursor === null || changedFrom !== null)) startCursor = 0;
      const openSource: OpenSource = async (into, events) => {
        if (!ordersBySeq)
          return openJetstreamSource({ url, spool: into, events, collections, dictionary, now });
        const plcUrl = options.plcUrl ?? config.plcUrl;
        const keys = openSigningKeys({
          resolve: (did, signal) =>
            resolveSigningKey(did, {
              plcUrl,
              allowLoopback: config.allowLoopback,
              signal,
              keyId: firehose ? 'atproto' : 'atproto_label',
            }),
          signal: ended.signal,
          now,
          ...(options.random ? { random: options.random } : {}),
        });
        if (!firehose)
          return openModerationSource({
            url,
            spool: into,
            events,
            keys: (options.verify ?? true) ? keys : null,
            now,
          });
        const settings = {
          decoder: options.decoder ?? 'fast',
          verify: options.verify ?? true,
          collections,
          maxFrameBytes: defaultMaxFrameBytes,
        } as const;
        const verifiers = await openVerifiers(config.verifyWorkers, settings, keys);
        return openFirehoseSource({
          url,
          spool: into,
          events,
          verifiers,
          keys,
          chain,
          keepDuplicates: options.keepDuplicates,
          now,
          retriesIn: config.spool,
          retryDelaysMs: options.retryDelaysMs,
        });
      };
      const end = await followStream({
        spool,
        openSource,
        startCursor,
        startUs: resumed?.us ?? null,
        foreignCursor:
          changedFrom === null || !firehose
            ? null
            : {
                kind: 'source_changed',
                detail: `the cursor was of ${changedFrom}, and now ${server} is followed from what is new: a backfill can fetch what lies between`,
              },
        statements: collectionStatements,
        maxEvents: options.maxEvents ?? null,
        idleExitMs: options.idleExitSeconds === undefined ? null : options.idleExitSeconds * 1_000,
        ...(options.watchdogSeconds === undefined ? {} : { idleMs: options.watchdogSeconds * 1_000 }),
        ...(ordersBySeq ? {} : { rewind: (cursor: number) => Math.max(0, cursor - rewindUs) }),
        ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
        signal: AbortSignal.any(signals),
        now,
        ...(options.random ? { random: options.random } : {}),
        onPulse(pulse) {
          last = pulse;
          const { events } = pulse.source.counts;
          progress.advance(events - shown);
          shown = events;
          const { lagSeconds } = say(false);
          progress.note(pulse.connected ? `lag ${lagSeconds ?? '?'} s` : 'not connected');
          remember(spool.durableCursor !== null && spool.pendingBytes < spool.appended.bytes);
        },
      });
      last = { ...last, connected: false, paused: false, position: end.position, source: end.source };
      const { counts } = end.source;
      const summary: CaptureSummary = {
        source,
        runId,
        stoppedBy: end.stoppedBy === 'signal' && followed.signal.aborted ? 'successor' : end.stoppedBy,
        events: counts.events,
        rows: counts.rows,
        rejected: counts.rejected,
        leftOut: counts.leftOut,
        disagreements: counts.disagreements,
        healed: counts.healed,
        sequence: { back: counts.stepsBack, skipped: counts.skipped },
        chain: chain === null ? null : { ...chain.counts },
        connections: end.connections,
        newlyKept: missed.map(({ collection, sinceUs }) => ({
          collection,
          fromUs: sinceUs,
          toUs: beganUs,
        })),
        changedFrom: spool.resumedCursor === null ? null : changedFrom,
        cursor: end.position.cursor,
        eventUs: end.position.us,
        bytes: spool.appended.bytes,
        durationSeconds: (now() - startedMs) / 1000,
      };
      stage.records = Object.values(counts.rows).reduce((sum, n) => sum + n, 0);
      stage.detail = { ...summary };
      if (counts.disagreements > 0)
        log.warn('the fast decoder and the reference disagreed', { frames: counts.disagreements });
      progress.advance(counts.events - shown);
      return summary;
    } finally {
      ended.abort();
      unwatch();
      let sealed = false;
      try {
        sealed = await sealing(spool);
        remember(sealed && spool.appended.bytes > 0);
      } finally {
        try {
          chain?.close(sealed);
          if (lease !== null)
            await Promise.race([lease.end(standsAt()), wait(1_000, undefined, { ref: false })]);
          say(true);
        } finally {
          // not before: a successor reads where the chain stands as well
          spool.release();
        }
      }
      // not worth the five seconds that a stop may take: landing hides what this doesn't
      await Promise.race([tombstones.close(), wait(1_000, undefined, { ref: false })]);
      closeIdleConnections();
      progress.done('sealed');
    }
  });
}

/**
 * Where the capture before came to that had the lease, if that is further than this spool.
 * @param server that its cursor must be of; null where a cursor is good at any
 */
function inheritedPosition(
  from: LeasePosition | null,
  ownCursor: number | null,
  server: string | null,
): { cursor: number; us: number | null } | null {
  if (from === null || from.cursor === null) return null;
  if (server !== null && from.server !== server) return null;
  return ownCursor === null || from.cursor > ownCursor ? { cursor: from.cursor, us: from.us } : null;
}

/** True if all is durable. Sealing must not hide the error that led to it: a spool that failed once fails again here. */
async function sealing(spool: Spool): Promise<boolean> {
  const failed = await Promise.race([spool.failed.catch(() => true), Promise.resolve(false)]);
  try {
    await spool.seal();
    return !failed;
  } catch (error) {
    if (!failed) throw error;
    return false;
  }
}

function readDictionary(file: string, server: URL): Buffer {
  let dictionary: Buffer;
  try {
    dictionary = fs.readFileSync(file);
  } catch (cause) {
    throw captureErrors.noDictionary(file, cause);
  }
  if (isVersion2(server) && dictionaryId(dictionary) === null)
    throw captureErrors.noDictionary(
      file,
      new Error('it has no number, by which a server of version 2 knows it'),
    );
  return dictionary;
}

/** What a dead capture made durable it may not have told the feed server. */
function seeSegment(tombstones: TombstonePublisher, file: string): void {
  try {
    tombstones.see(fs.readFileSync(file));
  } catch {
    // landed meanwhile
  }
}

function eventTimeOf(line: Buffer): number | null {
  try {
    const row = JSON.parse(line.toString('utf8')) as { t?: unknown; event_us?: unknown };
    return row.t !== 'gap' && typeof row.event_us === 'number' ? row.event_us : null;
  } catch {
    return null;
  }
}
