import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { Config } from '../../ops/config/index.ts';
import { collectionFilter, type GapStatement } from '../capture/index.ts';
import { checked, isAbsence } from './failure.ts';
import { openJob } from './job.ts';
import { nameTargets, openGaps, openKnown, type Known, type OpenGap } from './known.ts';
import { resolveAccount, type Account } from './network/account.ts';
import { ask, methodUrl, tryAgain } from './network/ask.ts';
import { openHost } from './network/host.ts';
import { readCar, type RepositoryBlocks } from './repository/read-car.ts';
import { tidMicroseconds } from './repository/tid.ts';
import { recordsAtATime, verifyRepository, type VerifiedRepository } from './repository/verify.ts';
import { walkTree } from './repository/walk.ts';
import {
  leftToAsk,
  missedOutcome,
  runBackfill,
  type BackfillOptions,
  type BackfillSummary,
  type Session,
} from './session.ts';
import { deleteLine, gapLine, outcomeLine, recordLines, splitPath, type Outcome } from './spool/lines.ts';

const carType = 'application/vnd.ipld.car';

/** How fast the DID directory is asked, beside what the hosts of repositories are. */
const directoryLimits = { perSecond: 100, burst: 100, concurrency: 32 };

export interface RepositoriesOptions extends BackfillOptions {
  dids: readonly string[];
  /** What was asked for, by which a later run finds what an earlier one began; by default the DIDs. */
  request?: unknown;
  /** When the queue that names them was published, microseconds UTC: what was fetched since isn't fetched again. */
  publishedUs?: number | undefined;
}

/** Looks accounts up, no faster than the directory may be asked. */
export function openResolver(session: Session, options: { plcUrl?: string | undefined; config: Config }) {
  const directory = openHost(directoryLimits, session.asking.now);
  return async (did: string): Promise<Account> => {
    await directory.enter(session.signal);
    try {
      return await resolveAccount(did, {
        plcUrl: options.plcUrl ?? options.config.plcUrl,
        allowLoopback: options.config.allowLoopback,
        signal: session.signal,
      });
    } finally {
      directory.leave();
    }
  };
}

/** What a repository's rows are compared with, and what follows from having it. */
export interface Against {
  known: Known;
  keeps: (collection: string) => boolean;
  /** The patterns of `keeps`, as `raw/backfills` names them. */
  collections: string;
  /** Open gaps of this repository that this closes, if it is newer than they are. */
  gaps: OpenGap[];
  /** When it was asked for, microseconds UTC. */
  askedUs: number;
}

/**
 * Writes a verified repository as one group: its records as far as the lake doesn't have them as they are, deletes of what it no
 * longer has, what it closes, and what came of it.
 */
export async function writeRepository(
  session: Session,
  blocks: RepositoryBlocks,
  repository: VerifiedRepository,
  against: Against,
  about: { host: string | null; attempts: number },
): Promise<void> {
  const { did, rev, signed } = repository;
  const { known, keeps, gaps, askedUs } = against;
  const standing = await known.records(did);
  const knownRev = await known.rev(did);
  const stale = knownRev !== null && knownRev > rev;
  const nowUs = session.nowUs();
  const outcome: Outcome = {
    kind: 'repository',
    did,
    uri: null,
    outcome: 'done',
    reason: null,
    detail: null,
    host: about.host,
    rev,
    verified: signed,
    collections: against.collections,
    records: repository.records,
    written: 0,
    deleted: 0,
    bytes: blocks.bytes,
    attempts: about.attempts,
  };
  const details: string[] = [];
  if (stale) details.push(`the lake has the revision ${knownRev}, which is newer`);

  // What the lake has as it is needn't be written again; what only an unsigned source reported is, now that it is signed for.
  const has = (path: string, cid: string): boolean => {
    const record = standing.get(path);
    return record !== undefined && record.cid === cid && (record.verified || !signed);
  };
  await session.spool.group(async (add) => {
    let rejected = 0;
    let n = 0;
    for (const made of recordLines(blocks, repository, { nowUs, keeps, has })) {
      if (++n % recordsAtATime === 0) await yieldToOthers();
      if (made === null) continue;
      add(made.line, 1);
      if (made.rejected) rejected++;
      else outcome.written = (outcome.written ?? 0) + 1;
    }
    if (rejected > 0) details.push(`${rejected} records are none: see raw/rejected`);
    if (signed && standing.size > 0) {
      // what stands at or before this revision, and isn't in the tree, was deleted since
      for (const { path } of walkTree(blocks, repository.data)) standing.delete(path);
      const eventUs = Math.min(tidMicroseconds(rev) ?? nowUs, nowUs);
      for (const [path, record] of standing) {
        const { collection, rkey } = splitPath(path);
        if (record.rev > rev || !keeps(collection)) continue;
        add(deleteLine({ did, collection, rkey, rev }, { eventUs, nowUs }), 1);
        outcome.deleted = (outcome.deleted ?? 0) + 1;
      }
    }
    const covers = (gap: OpenGap): boolean =>
      signed && !stale && askedUs >= (gap.statement.to_us ?? gap.statedUs) && against.collections === '';
    for (const gap of gaps) {
      if (!covers(gap)) continue;
      const closed: GapStatement = {
        ...gap.statement,
        state: 'closed',
        detail: `the repository was fetched whole at ${rev}`,
      };
      add(gapLine(closed, nowUs), 1);
    }
    outcome.detail = details.length > 0 ? details.join('; ') : null;
    add(outcomeLine(outcome, session.runId, nowUs), 1);
    for (const gap of gaps)
      if (covers(gap)) session.summary.gaps.closed++;
      else
        session.summary.gaps.left.push({
          gapId: gap.statement.gap_id,
          kind: gap.statement.kind,
          did,
          why: stale
            ? 'the server has an older repository'
            : 'not all collections are kept, or it is newer than the answer',
        });
  });
  session.count(outcome);
  session.onStep('written');
}

/** Revision of the last commit, as the server says it without signing; null where it doesn't say. */
async function latestRev(session: Session, account: Account): Promise<string | null> {
  const url = methodUrl(account.pds, 'com.atproto.sync.getLatestCommit', { did: account.did });
  return ask(session.asking, url, 'application/json', async (answer) => {
    try {
      const { rev } = JSON.parse(await answer.text()) as { rev?: unknown };
      return typeof rev === 'string' ? rev : null;
    } catch (error) {
      if (error instanceof SyntaxError) return null;
      throw error;
    }
  });
}

/**
 * Fetches repositories whole, each verified before a row of it is written.
 * @throws FeedtrialError FT_BACKFILL_BUSY, FT_BACKFILL_SPOOL; what is wrong with a repository is its outcome
 */
export async function backfillRepositories(options: RepositoriesOptions): Promise<BackfillSummary> {
  const { config } = options;
  const dids = [...new Set(options.dids)];
  const patterns = options.collections ?? config.collections;
  const collections = [...patterns].sort().join(',');
  return runBackfill(options, 'repository', async (session) => {
    const { summary } = session;
    const resolve = openResolver(session, options);
    if (options.dryRun === true) {
      summary.asked = dids.length;
      await planRequests(
        session,
        dids.map((did) => ({ did, requests: 1 })),
        resolve,
      );
      return;
    }
    const request = ['repository', options.request ?? [...dids].sort(), collections];
    const job = openJob(config.spool, request, session.nowUs());
    const targets = dids.map((did) => ({ did, uri: null }));
    const left = leftToAsk(session, job.startedUs, targets, options.publishedUs).map(
      (i) => dids[i] as string,
    );
    summary.asked = left.length;
    summary.resumed = dids.length - left.length;
    await nameTargets(session.engine, left);
    const known = await openKnown(session.engine, session.lake);
    const gapsOf = Map.groupBy(
      await openGaps(session.engine, session.lake, 'repositories'),
      ({ statement }) => statement.did ?? '',
    );
    const keeps = collectionFilter(patterns);
    const carOptions = {
      maxBytes: session.asking.maxBytes,
      ...(options.spillBytes === undefined ? {} : { spillBytes: options.spillBytes }),
    };

    const write = async (outcome: Outcome): Promise<void> => {
      await session.spool.group((add) => add(outcomeLine(outcome, session.runId, session.nowUs()), 1));
      session.count(outcome);
    };
    await session.each(left, left.length, async (did) => {
      let host: string | null = null;
      let attempts = 0;
      const gaps = gapsOf.get(did) ?? [];
      const earlier = session.lastRead.get(did);
      const mayBeUnchanged =
        options.again !== true &&
        earlier?.verified === true &&
        earlier.collections === collections &&
        gaps.length === 0;
      const tried = await tryAgain(session.asking, session.patience, async () => {
        attempts++;
        const account = await resolve(did); // at each attempt: it may have moved, or have a new key
        host = account.pds.host;
        if (mayBeUnchanged && (await latestRev(session, account)) === earlier.rev) return earlier.rev;
        const askedUs = session.nowUs();
        const url = methodUrl(account.pds, 'com.atproto.sync.getRepo', { did });
        await ask(
          session.asking,
          url,
          carType,
          async (answer) => {
            const blocks = await checked(() => readCar(answer.body(), carOptions));
            try {
              const repository = await checked(() => verifyRepository(blocks, did, account.key));
              session.onStep('fetched');
              const against = { known, keeps, collections, gaps, askedUs };
              await writeRepository(session, blocks, repository, against, { host, attempts });
            } finally {
              blocks.close();
            }
          },
          session.download,
        );
        return null;
      });
      if ('failure' in tried) {
        const { failure } = tried;
        const about = { kind: 'repository', did, uri: null, host } as const;
        await write(missedOutcome(about, failure, isAbsence(failure.reason), attempts));
        for (const gap of gaps)
          summary.gaps.left.push({
            gapId: gap.statement.gap_id,
            kind: gap.statement.kind,
            did,
            why: failure.reason,
          });
      } else if (tried.value !== null)
        await write({
          kind: 'repository',
          did,
          uri: null,
          outcome: 'unchanged',
          reason: null,
          detail: null,
          host,
          rev: tried.value,
          verified: true,
          collections,
          records: null,
          written: 0,
          deleted: 0,
          bytes: 0,
          attempts,
        });
    });
    if (!session.signal.aborted) job.end();
  });
}

/** Which hosts would be asked how often. */
export async function planRequests(
  session: Session,
  targets: readonly { did: string; requests: number }[],
  resolve: (did: string) => Promise<Account>,
): Promise<void> {
  const byHost = new Map<string, number>();
  await session.each(targets, targets.length, async ({ did, requests }) => {
    const tried = await tryAgain(session.asking, session.patience, () => resolve(did));
    if ('failure' in tried) {
      const { failure, attempts } = tried;
      const about = { kind: session.summary.kind, did, uri: null, host: null };
      session.count(missedOutcome(about, failure, isAbsence(failure.reason), attempts));
    } else {
      const { host } = tried.value.pds;
      byHost.set(host, (byHost.get(host) ?? 0) + requests);
    }
  });
  session.summary.plan = [...byHost]
    .map(([host, requests]) => ({ host, requests }))
    .sort((a, b) => b.requests - a.requests || (a.host < b.host ? -1 : 1));
}
