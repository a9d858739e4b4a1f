import { sqlText } from '../../lake/index.ts';
import { Failure } from './failure.ts';
import { openJob } from './job.ts';
import { ask, methodUrl, tryAgain, type Asking } from './network/ask.ts';
import { openBackfillQueue } from './queue.ts';
import {
  leftToAsk,
  missedOutcome,
  runBackfill,
  type BackfillOptions,
  type BackfillSummary,
} from './session.ts';
import { outcomeLine, profileLine, type Outcome } from './spool/lines.ts';

export interface ProfilesOptions extends BackfillOptions {
  /** At most so many accounts, participants first. */
  limit?: number | undefined;
  /** Public API; by default the configured one. */
  apiUrl?: string | undefined;
}

/** What `app.bsky.actor.getProfiles` takes at most. */
const batchSize = 25;

interface Profile {
  did: string;
  handle?: unknown;
  followersCount?: unknown;
  followsCount?: unknown;
  postsCount?: unknown;
}

const count = (value: unknown): number | null => (Number.isSafeInteger(value) ? (value as number) : null);

async function fetchProfiles(
  asking: Asking,
  api: URL,
  dids: readonly string[],
): Promise<Map<string, Profile>> {
  const url = methodUrl(api, 'app.bsky.actor.getProfiles', { actors: [...dids] });
  return ask(asking, url, 'application/json', async (answer) => {
    let profiles: unknown;
    try {
      ({ profiles } = JSON.parse(await answer.text(4 << 20)) as { profiles?: unknown });
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause;
      throw new Failure('malformed_answer', `${api.host} answered no JSON`, { transient: true, cause });
    }
    if (!Array.isArray(profiles))
      throw new Failure('malformed_answer', `${api.host} answered without profiles`, { transient: true });
    const asked = new Set(dids);
    return new Map(
      (profiles as (Profile | null)[])
        .filter((profile): profile is Profile => profile !== null && asked.has(profile.did))
        .map((profile) => [profile.did, profile]),
    );
  });
}

/**
 * Takes a snapshot of the profile of each account in the queue, 25 a request. What an account has in its own repository is in
 * `raw/records`; a snapshot also has what only the network counts, such as followers.
 * @throws FeedtrialError FT_BACKFILL_QUEUE where no queue was published
 */
export async function backfillProfiles(options: ProfilesOptions): Promise<BackfillSummary> {
  const { config } = options;
  const api = new URL(options.apiUrl ?? config.publicApiUrl);
  return runBackfill(options, 'profile', async (session) => {
    const { relation, publishedUs } = await openBackfillQueue(config, 'profiles');
    const rows = await session.engine.rows<{ did: string }>(
      `SELECT did FROM ${relation} WHERE did LIKE ${sqlText('did:%')} ORDER BY priority, did ${options.limit === undefined ? '' : `LIMIT ${options.limit}`}`,
    );
    const batchesOf = (dids: readonly string[]): string[][] =>
      Array.from({ length: Math.ceil(dids.length / batchSize) }, (_, i) =>
        dids.slice(i * batchSize, (i + 1) * batchSize),
      );
    const everyone = rows.map(({ did }) => did);
    session.summary.asked = everyone.length;
    if (options.dryRun === true) {
      session.summary.plan = [{ host: api.host, requests: batchesOf(everyone).length }];
      return;
    }
    const job = openJob(config.spool, ['profile', options.limit ?? null], session.nowUs());
    const targets = everyone.map((did) => ({ did, uri: null }));
    const left = leftToAsk(session, job.startedUs, targets, publishedUs).map((i) => everyone[i] as string);
    session.summary.asked = left.length;
    session.summary.resumed = everyone.length - left.length;
    // the operator named this server, the network didn't
    const asking: Asking = { ...session.asking, allowLoopback: true };

    const takeBatch = async (dids: readonly string[]): Promise<void> => {
      const tried = await tryAgain(asking, session.patience, () => fetchProfiles(asking, api, dids));
      // one account that the server can't read must not fail the other 24
      if ('failure' in tried && tried.failure.reason === 'bad_request' && dids.length > 1) {
        const half = dids.length >> 1;
        await takeBatch(dids.slice(0, half));
        await takeBatch(dids.slice(half));
        return;
      }
      const nowUs = session.nowUs();
      await session.spool.group((add) => {
        for (const did of dids) {
          const about = { kind: 'profile', did, uri: null } as const;
          const { attempts } = tried;
          let outcome: Outcome;
          const profile = 'value' in tried ? tried.value.get(did) : undefined;
          if (profile !== undefined) {
            const { handle } = profile;
            const row = {
              did,
              handle: typeof handle === 'string' ? handle : null,
              followers: count(profile.followersCount),
              follows: count(profile.followsCount),
              posts: count(profile.postsCount),
            };
            add(profileLine(row, JSON.stringify(profile), nowUs), 1);
            outcome = {
              ...about,
              outcome: 'done',
              reason: null,
              detail: null,
              host: api.host,
              rev: null,
              verified: null,
              collections: null,
              records: 1,
              written: 1,
              deleted: 0,
              bytes: null,
              attempts,
            };
          } else {
            const failure =
              'failure' in tried
                ? tried.failure
                : new Failure('profile_not_found', 'the network shows no such account', { transient: false });
            outcome = missedOutcome({ ...about, host: api.host }, failure, !('failure' in tried), attempts);
          }
          add(outcomeLine(outcome, session.runId, nowUs), 1);
          session.count(outcome);
        }
      });
      session.onStep('written');
    };
    const batches = batchesOf(left);
    await session.each(batches, batches.length, takeBatch, `requests for ${batchSize} profiles`);
    if (!session.signal.aborted) job.end();
  });
}
