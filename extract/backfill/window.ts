import { setTimeout as wait } from 'node:timers/promises';
import { readSeals } from '../../lake/index.ts';
import {
  backoffMs,
  collectionFilter,
  connect,
  jetstreamCursorOf,
  jetstreamFormat,
  openJetstreamSource,
  openSpool,
  streamUrl,
  type Connection,
  type Source,
} from '../capture/index.ts';
import { asStreamed } from './archive/block.ts';
import { openArchive } from './archive/read.ts';
import { backfillErrors } from './errors.ts';
import { Failure } from './failure.ts';
import { openJob, type Job } from './job.ts';
import { openGaps, type OpenGap } from './known.ts';
import {
  missedOutcome,
  runBackfill,
  type BackfillOptions,
  type BackfillSummary,
  type Session,
} from './session.ts';
import { gapLine, outcomeLine } from './spool/lines.ts';

export interface WindowOptions extends BackfillOptions {
  /** Microseconds UTC. */
  fromUs: number;
  toUs: number;
  /** Jetstream server; by default the configured one. */
  url?: string | undefined;
  /** A server that has sent nothing for so long has no more of the window; milliseconds, default 20 s. */
  quietMs?: number | undefined;
}

/** Stream of the spool that windows go to; beside capture's, whose cursor they must not move. */
export const windowStream = 'window';

/** Clocks of servers differ, and events come slightly out of order: so much is asked for beyond both ends. */
const marginUs = 5_000_000;
/** A first event so much later than what was asked for means that the server no longer has what lies between. */
const lostUs = 120_000_000;
const maxPendingBytes = 64 << 20;

interface Followed {
  /** From when on the server had it. */
  coveredFromUs: number;
  /** Up to when it came; null where nothing did. */
  coveredToUs: number | null;
  events: number;
  bytes: number;
  attempts: number;
  failure: Failure | null;
  /** Why the archive gave nothing, where there is one and it was needed. */
  archiveFailure: string | null;
}

/**
 * Takes a stretch from the archive that a server of version 2 offers.
 * @returns what it covers of it; null where the server has no archive, or nothing of this stretch in it
 * @throws Failure
 */
async function takeArchive(
  session: Session,
  url: URL,
  source: Source,
  options: WindowOptions,
  untilUs: number,
): Promise<{ fromUs: number; toUs: number } | null> {
  const server = new URL(url.href.replace(/^ws/, 'http'));
  // the operator named this server, the network didn't
  const asking = { ...session.asking, allowLoopback: true };
  const archive = await openArchive(server, asking, session.patience);
  const fromUs = options.fromUs - marginUs;
  if (archive === null || archive.fromUs > untilUs || archive.toUs < fromUs) return null;
  const keeps = collectionFilter(options.collections ?? options.config.collections);
  for await (const events of archive.events(fromUs, untilUs + marginUs)) {
    for (const event of events) {
      const message = event.collection === '' || keeps(event.collection) ? asStreamed(event) : null;
      if (message !== null) source.take(message);
    }
    await source.drained();
  }
  return {
    fromUs: Math.max(options.fromUs, archive.fromUs),
    toUs: Math.min(untilUs, archive.toUs),
  };
}

/** Follows a server from one moment to another into the spool; what a run that was killed had of it is not asked for again. */
async function follow(session: Session, url: URL, options: WindowOptions, job: Job): Promise<Followed> {
  const { config } = options;
  const { now } = session.asking;
  const quietMs = options.quietMs ?? 20_000;
  const fromUs = options.fromUs - marginUs;
  const toUs = options.toUs + marginUs;
  const spool = openSpool({
    spool: config.spool,
    stream: windowStream,
    format: jetstreamFormat,
    cursorOf: jetstreamCursorOf,
    timeOf: jetstreamCursorOf,
    now,
  });
  try {
    // only what this job wrote: an earlier window may have ended within this one
    const resumedUs = readSeals(config.spool, windowStream)
      .filter(({ id }) => id > (job.kept.after ?? ''))
      .findLast(({ cursor }) => cursor !== null)?.cursor;
    // and only if it is known from when on the server had what was written
    const begun = job.kept.coveredFromUs;
    let reachedUs = begun !== undefined && (resumedUs ?? -Infinity) > fromUs ? (resumedUs ?? null) : null;
    let coveredFromUs = begun === undefined ? options.fromUs : Number(begun);
    let askedUs: number | null = null; // until the first event after it has come
    let failure: Failure | null = null;
    let archiveFailure: string | null = null;
    const source = openJetstreamSource({
      url,
      spool,
      collections: [...(options.collections ?? config.collections)],
      now,
      events: {
        onTaken({ first: { us }, cursor }) {
          if (askedUs !== null && us !== null) {
            if (us - askedUs > lostUs) coveredFromUs = Math.max(coveredFromUs, us);
            if (job.kept.coveredFromUs !== String(coveredFromUs))
              job.keep({ coveredFromUs: String(coveredFromUs) });
            askedUs = null;
          }
          reachedUs = cursor ?? reachedUs;
        },
        onNotice({ kind, name, message }) {
          if (kind !== 'error') return;
          failure = new Failure('bad_request', `${url.host} says ${name}: ${message}`, { transient: false });
          connection?.drop(name);
        },
      },
    });
    let connection: Connection | null = null;
    let attempts = 0;
    for (let attempt = 0; attempt < session.patience.attempts && !session.signal.aborted;) {
      attempts++;
      let heardMs: number | null = null;
      let paused = false;
      let done = false;
      const before = reachedUs;
      askedUs = reachedUs ?? fromUs;
      const made = connect(
        source.url(askedUs),
        {
          onOpen: () => void (heardMs = performance.now()),
          onMessage(message) {
            heardMs = performance.now();
            source.take(message);
          },
        },
        { idleMs: Math.max(30_000, 2 * quietMs) },
      );
      connection = made;
      const timer = setInterval(() => {
        const crowded =
          source.backlog.bytes + spool.pendingBytes > (paused ? maxPendingBytes / 2 : maxPendingBytes);
        if (crowded !== paused) {
          paused = crowded;
          if (paused) made.pause();
          else made.resume();
        }
        if (paused) heardMs = performance.now();
        const quiet = heardMs !== null && performance.now() - heardMs > quietMs;
        done = (reachedUs !== null && reachedUs >= toUs) || quiet;
        if (done || session.signal.aborted) made.drop('the window has come to its end');
      }, 20);
      const reason = await Promise.race([made.ended, spool.failed]);
      clearInterval(timer);
      await source.drained();
      if (done || failure !== null || session.signal.aborted) break;
      attempt = reachedUs !== before ? 1 : attempt + 1;
      if (attempt >= session.patience.attempts)
        failure = new Failure('unreachable', `${url.host}: ${reason}`, { transient: true });
      else
        await wait(
          backoffMs(attempt, session.asking.random, { firstMs: session.patience.firstWaitMs }),
          undefined,
          {
            signal: session.signal,
          },
        ).catch(() => undefined);
    }
    askedUs = null;
    // a server that fell silent before the window's end may have had no more of it, or may be broken
    let coveredToUs: number | null = reachedUs === null ? null : Math.min(reachedUs, options.toUs);
    if (coveredToUs === null && failure === null && !session.signal.aborted)
      failure = new Failure('timeout', `${url.host} is there, and sent nothing`, { transient: true });
    const stale = failure !== null && coveredToUs === null;
    if (!session.signal.aborted && (stale || coveredFromUs > options.fromUs)) {
      // what the stream no longer has, the archive may
      const wantedUs = stale ? options.toUs : coveredFromUs;
      const had = await takeArchive(session, url, source, options, wantedUs).catch((error: unknown) => {
        if (!(error instanceof Failure)) throw error;
        archiveFailure = error.message;
        return null;
      });
      if (had !== null && stale) {
        coveredFromUs = had.fromUs;
        coveredToUs = had.toUs;
        failure = null;
      } else if (had !== null && had.toUs >= wantedUs) coveredFromUs = had.fromUs;
      else if (had !== null) archiveFailure = `it ends at ${iso(had.toUs)}, before what the stream has`;
    }
    await source.drained();
    await source.close();
    return {
      coveredFromUs,
      coveredToUs,
      archiveFailure,
      events: source.counts.events,
      bytes: spool.appended.bytes,
      attempts,
      failure,
    };
  } finally {
    await spool.close();
  }
}

const iso = (us: number): string => new Date(us / 1000).toISOString();

/** Why a gap isn't closed by what came; null where it is. */
function uncovered(
  { statement: { from_us: from, to_us: to, collection } }: OpenGap,
  fromUs: number,
  toUs: number,
  patterns: readonly string[],
): string | null {
  if (from === null) return 'nobody knows when it began';
  if (to === null) return 'it has no end yet: capture has not come back since';
  if (from < fromUs) return `the server had nothing before ${iso(fromUs)}`;
  if (to > toUs) return `what came ends at ${iso(toUs)}`;
  if (patterns.length === 0) return null;
  const keeps = collectionFilter(patterns);
  if (collection === null || collection === '*' || !(patterns.includes(collection) || keeps(collection)))
    return 'only some collections were fetched';
  return null;
}

/**
 * Fetches a stretch of the network's history from Jetstream, as far back as the server has it, and closes the gaps that it covers. Its
 * rows are those of Jetstream, witnessed by the server as they happened, and unsigned.
 * @throws FeedtrialError FT_BACKFILL_WINDOW, FT_BACKFILL_URL, FT_CAPTURE_LOCKED where another window is being fetched
 */
export async function backfillWindow(options: WindowOptions): Promise<BackfillSummary> {
  const { config, fromUs, toUs } = options;
  const patterns = options.collections ?? config.collections;
  const nowUs = (options.now ?? Date.now)() * 1000;
  if (!(fromUs < toUs))
    throw backfillErrors.badWindow(`the window begins at ${iso(fromUs)} and ends at ${iso(toUs)}`);
  if (toUs > nowUs) throw backfillErrors.badWindow(`the window ends at ${iso(toUs)}, which is yet to come`);
  const given = options.url ?? config.jetstreamUrl;
  const url = streamUrl(given, '/subscribe');
  if (url === null) throw backfillErrors.badUrl(given);
  return runBackfill(options, 'window', async (session) => {
    const { summary } = session;
    summary.asked = 1;
    const overlapping = (await openGaps(session.engine, session.lake, 'streams')).filter(
      ({ statement: { from_us: from, to_us: to } }) =>
        (from === null || from <= toUs) && (to === null || to >= fromUs),
    );
    if (options.dryRun === true) {
      summary.plan = [{ host: url.host, requests: 1 }];
      for (const gap of overlapping) {
        const why = uncovered(gap, fromUs, toUs, patterns);
        if (why === null) summary.gaps.closed++;
        else
          summary.gaps.left.push({ gapId: gap.statement.gap_id, kind: gap.statement.kind, did: null, why });
      }
      return;
    }
    const job = openJob(config.spool, ['window', fromUs, toUs, url.href, patterns], session.nowUs(), () => ({
      after: readSeals(config.spool, windowStream).at(-1)?.id ?? '',
    }));
    const followed = await follow(session, url, options, job);
    const { failure, coveredFromUs, coveredToUs, attempts, archiveFailure } = followed;
    if (session.signal.aborted) return;
    const endedUs = session.nowUs();
    const window = `${iso(fromUs)} to ${iso(toUs)}${archiveFailure === null ? '' : ` (the archive: ${archiveFailure})`}`;
    const about = { kind: 'window', did: null, uri: null, host: url.host } as const;
    const counted = { records: followed.events, written: followed.events, deleted: 0, bytes: followed.bytes };
    const outcome =
      failure === null
        ? {
            ...missedOutcome(about, new Failure('timeout', '', { transient: true }), false, attempts),
            ...counted,
            outcome: 'done' as const,
            reason: null,
            verified: false,
            collections: [...patterns].sort().join(','),
            detail: [
              window,
              ...(coveredFromUs > fromUs ? [`the server had nothing before ${iso(coveredFromUs)}`] : []),
              ...((coveredToUs ?? 0) < toUs ? [`what came ends at ${iso(coveredToUs ?? 0)}`] : []),
            ].join('; '),
          }
        : {
            ...missedOutcome(about, failure, false, attempts),
            ...counted,
            detail: `${window}: ${failure.message}`,
          };
    await session.spool.group((add) => {
      for (const gap of overlapping) {
        const why = uncovered(gap, coveredFromUs, coveredToUs ?? coveredFromUs, patterns);
        if (why === null) {
          add(
            gapLine(
              { ...gap.statement, state: 'closed', detail: `${window} was fetched from ${url.host}` },
              endedUs,
            ),
            1,
          );
          summary.gaps.closed++;
        } else
          summary.gaps.left.push({ gapId: gap.statement.gap_id, kind: gap.statement.kind, did: null, why });
      }
      add(outcomeLine(outcome, session.runId, endedUs), 1);
    });
    session.count(outcome);
    job.end();
  });
}
