import { cidKey, cidText, lookUp, openCar, openTree, recordJson, signedCommit } from '../capture/index.ts';
import { checked, Failure, isAbsence } from './failure.ts';
import { openJob } from './job.ts';
import type { Account } from './network/account.ts';
import { ask, methodUrl, tryAgain } from './network/ask.ts';
import { openBackfillQueue, readWantedPosts, type WantedPost } from './queue.ts';
import { backfillRepositories, openResolver, planRequests } from './repositories.ts';
import { witnessTime } from './repository/tid.ts';
import {
  leftToAsk,
  missedOutcome,
  runBackfill,
  type BackfillOptions,
  type BackfillSummary,
  type Session,
} from './session.ts';
import { outcomeLine, recordLine, type Outcome } from './spool/lines.ts';

export interface RecordsOptions extends BackfillOptions {
  /** At most so many posts, the most wanted first. */
  limit?: number | undefined;
}

/** A record with the proof that it is, or isn't, in its repository. No record with its proof is near this. */
const maxProofBytes = 16 << 20;

interface Found {
  rev: string;
  /** Null: the repository proves that there is none. */
  record: { cid: string; json: string } | null;
  bytes: number;
}

/** Asks a server for one record, with the signed commit and the nodes of the tree that lead to it. */
async function fetchRecord(session: Session, account: Account, post: WantedPost): Promise<Found> {
  const { did, collection, rkey } = post;
  const url = methodUrl(account.pds, 'com.atproto.sync.getRecord', { did, collection, rkey });
  return ask({ ...session.asking, maxBytes: maxProofBytes }, url, 'application/vnd.ipld.car', (answer) =>
    checked(async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer.body()) chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      const car = openCar(bytes);
      const commit = signedCommit(car, did, account.key);
      const path = `${collection}/${rkey}`;
      const cid = lookUp(openTree(car), cidKey(commit.data), path);
      const record = cid === null ? null : { cid: cidText(cid), json: recordJson(car, cid, path) };
      return { rev: commit.rev, record, bytes: bytes.length };
    }),
  );
}

/**
 * Fetches the posts that the warehouse refers to and doesn't hold: record by record, each with its proof, or the author's whole
 * repository where the queue says that this is cheaper. What isn't there is remembered, and not asked for again.
 * @returns the sum over both; `kind` is 'record'
 * @throws FeedtrialError FT_BACKFILL_QUEUE where no queue was published
 */
export async function backfillPosts(options: RecordsOptions): Promise<BackfillSummary> {
  const { config } = options;
  let repositories: string[] = [];
  let publishedUs = Infinity;
  const summary = await runBackfill(options, 'record', async (session) => {
    const { relation, publishedUs: since } = await openBackfillQueue(config, 'backfill');
    publishedUs = since;
    const wanted = await readWantedPosts(session.engine, relation, options.limit);
    repositories = wanted.repositories;
    const posts = [...wanted.records.values()].flat();
    const resolve = openResolver(session, options);
    if (options.dryRun === true) {
      session.summary.asked = posts.length;
      await planRequests(
        session,
        [...wanted.records].map(([did, of]) => ({ did, requests: of.length })),
        resolve,
      );
      return;
    }
    const job = openJob(config.spool, ['record', options.limit ?? null], session.nowUs());
    const left = new Set(
      leftToAsk(session, job.startedUs, posts, publishedUs).map((i) => (posts[i] as WantedPost).uri),
    );
    session.summary.asked = left.size;
    session.summary.resumed = posts.length - left.size;

    const write = async (lines: string, count: number, outcome: Outcome): Promise<void> => {
      await session.spool.group((add) =>
        add(`${lines}${outcomeLine(outcome, session.runId, session.nowUs())}`, count + 1),
      );
      session.count(outcome);
      session.onStep('written');
    };
    const fetchOne = async (post: WantedPost): Promise<void> => {
      const { did, uri, collection, rkey } = post;
      let host: string | null = null;
      const tried = await tryAgain(session.asking, session.patience, async () => {
        const account = await accountOf(did);
        host = account.pds.host;
        return fetchRecord(session, account, post);
      });
      const about = { kind: 'record', did, uri } as const;
      if ('failure' in tried) {
        const { failure, attempts } = tried;
        await write('', 0, missedOutcome({ ...about, host }, failure, isAbsence(failure.reason), attempts));
        return;
      }
      const { rev, record, bytes } = tried.value;
      session.onStep('fetched');
      const nowUs = session.nowUs();
      if (record === null) {
        const failure = new Failure('record_not_found', `the repository at ${rev} has no such record`, {
          transient: false,
        });
        const outcome = missedOutcome({ ...about, host }, failure, true, tried.attempts);
        await write('', 0, { ...outcome, rev, verified: true, bytes });
        return;
      }
      const line = recordLine(
        { did, collection, rkey, cid: record.cid, rev, record: record.json },
        { eventUs: witnessTime(rkey, rev, nowUs), nowUs, verified: true },
      );
      await write(line, 1, {
        ...about,
        outcome: 'done',
        reason: null,
        detail: null,
        host,
        rev,
        verified: true,
        collections: null,
        records: 1,
        written: 1,
        deleted: 0,
        bytes,
        attempts: tried.attempts,
      });
    };

    // one look-up an author, while their posts are asked for
    const accounts = new Map<string, Promise<Account>>();
    const accountOf = (did: string): Promise<Account> => {
      const known = accounts.get(did) ?? resolve(did);
      accounts.set(did, known);
      known.catch(() => accounts.delete(did));
      return known;
    };
    await session.each(
      wanted.records.keys(),
      wanted.records.size,
      async (did) => {
        for (const post of wanted.records.get(did) ?? []) {
          session.signal.throwIfAborted();
          if (left.has(post.uri)) await fetchOne(post);
        }
        accounts.delete(did);
      },
      'authors',
    );
    if (!session.signal.aborted) job.end();
  });
  if (repositories.length === 0 || summary.stoppedBy === 'signal') return summary;
  const whole = await backfillRepositories({ ...options, dids: repositories, publishedUs });
  return combined(summary, whole);
}

function combined(one: BackfillSummary, other: BackfillSummary): BackfillSummary {
  const sum = <T extends Record<string, number>>(a: T, b: T): T => {
    const total: Record<string, number> = { ...a };
    for (const [name, n] of Object.entries(b)) total[name] = (total[name] ?? 0) + n;
    return total as T;
  };
  const plan = one.plan === null ? null : new Map(one.plan.map(({ host, requests }) => [host, requests]));
  for (const { host, requests } of other.plan ?? []) plan?.set(host, (plan.get(host) ?? 0) + requests);
  return {
    ...one,
    asked: one.asked + other.asked,
    resumed: one.resumed + other.resumed,
    outcomes: sum(one.outcomes, other.outcomes),
    reasons: sum(one.reasons, other.reasons),
    records: one.records + other.records,
    written: one.written + other.written,
    deleted: one.deleted + other.deleted,
    bytes: one.bytes + other.bytes,
    hosts: Math.max(one.hosts, other.hosts),
    gaps: { closed: one.gaps.closed + other.gaps.closed, left: [...one.gaps.left, ...other.gaps.left] },
    missed: [...one.missed, ...other.missed],
    plan: plan === null ? null : [...plan].map(([host, requests]) => ({ host, requests })),
    stoppedBy: other.stoppedBy,
    seconds: one.seconds + other.seconds,
  };
}
