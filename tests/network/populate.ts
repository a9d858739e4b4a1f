import type { NetworkPlan, PlannedAccount, PlannedPost, PlannedWrite } from './plan.ts';
import { xrpc, type Session } from './xrpc.ts';

/** A post as it came to be. */
export interface WrittenPost {
  uri: string;
  cid: string;
}

/** The plan after it was written: who and what its names stand for, and when each commit is to be dated. */
export interface Population {
  plan: NetworkPlan;
  accounts: Session[];
  posts: WrittenPost[];
  /** `did/rev` of each commit -> the time that the plan gives it, microseconds UTC. */
  timeOfCommit: Map<string, number>;
  windowStartUs: number;
  windowEndUs: number;
  /** Records written, and changes and deletions of records. */
  operations: number;
}

const base32 = '234567abcdefghijklmnopqrstuvwxyz';

/** Record key for a moment: a TID, 13 characters that sort like time. */
export function tidOf(us: number, clock = 0): string {
  let value = (BigInt(us) << 10n) | BigInt(clock);
  let tid = '';
  for (let i = 0; i < 13; i++) {
    tid = base32.charAt(Number(value & 31n)) + tid;
    value >>= 5n;
  }
  return tid;
}

interface ApplyWritesResult {
  commit: { cid: string; rev: string };
  results: { uri?: string; cid?: string }[];
}

const nsid = {
  profile: 'app.bsky.actor.profile',
  follow: 'app.bsky.graph.follow',
  post: 'app.bsky.feed.post',
  like: 'app.bsky.feed.like',
  repost: 'app.bsky.feed.repost',
} as const;

/**
 * Writes the plan to a PDS: accounts first, then one `applyWrites` a session, in the plan's order. Times in records
 * (`createdAt`, record keys) are the plan's, the window ending at `endUs`; the commits themselves bear the real time.
 */
export async function populate(options: {
  plan: NetworkPlan;
  pdsUrl: string;
  endUs: number;
  onAccount?: () => void;
  onSession?: (operations: number) => void;
  signal?: AbortSignal;
}): Promise<Population> {
  const { plan, pdsUrl, endUs, signal } = options;
  const windowStartUs = endUs - plan.windowSeconds * 1e6;
  const accounts = await createAccounts(plan.accounts, pdsUrl, options.onAccount, signal);
  const posts: WrittenPost[] = [];
  const timeOfCommit = new Map<string, number>();
  /** Record keys of likes and follows, needed to take them back: 'account/like/post'. */
  const keys = new Map<string, string>();
  let operations = 0;

  const subject = (post: number): WrittenPost => posts[post] as WrittenPost;
  const rootOf = (post: PlannedPost): PlannedPost =>
    post.replyTo === undefined ? post : rootOf(plan.posts[post.replyTo] as PlannedPost);
  const recordOf = (post: PlannedPost, createdAt: string, text: string): Record<string, unknown> => ({
    $type: nsid.post,
    text,
    langs: post.langs,
    createdAt,
    ...(post.replyTo === undefined
      ? {}
      : { reply: { root: subject(rootOf(post).id), parent: subject(post.replyTo) } }),
    ...(post.quote === undefined
      ? {}
      : { embed: { $type: 'app.bsky.embed.record', record: subject(post.quote) } }),
    ...(post.selfLabel === undefined
      ? {}
      : { labels: { $type: 'com.atproto.label.defs#selfLabels', values: [{ val: post.selfLabel }] } }),
  });

  for (const session of plan.sessions) {
    signal?.throwIfAborted();
    const account = accounts[session.account] as Session;
    const us = windowStartUs + session.second * 1e6;
    const createdAt = new Date(us / 1000).toISOString();
    const create = (collection: string, rkey: string, value: Record<string, unknown>) => ({
      $type: 'com.atproto.repo.applyWrites#create',
      collection,
      rkey,
      value: { $type: collection, createdAt, ...value },
    });
    const remove = (collection: string, rkey: string) => ({
      $type: 'com.atproto.repo.applyWrites#delete',
      collection,
      rkey,
    });
    const known = (name: string): string => {
      const rkey = keys.get(name);
      if (rkey === undefined) throw new Error(`the plan takes back what was never done: ${name}`);
      return rkey;
    };
    const writeOf = (write: PlannedWrite, index: number): Record<string, unknown> => {
      const rkey = tidOf(us + index);
      switch (write.kind) {
        case 'profile': {
          const value = { displayName: write.displayName, description: write.description };
          const operation = create(nsid.profile, 'self', value);
          return write.edit ? { ...operation, $type: 'com.atproto.repo.applyWrites#update' } : operation;
        }
        case 'follow':
          keys.set(`${session.account}/follow/${write.account}`, rkey);
          return create(nsid.follow, rkey, { subject: (accounts[write.account] as Session).did });
        case 'unfollow':
          return remove(nsid.follow, known(`${session.account}/follow/${write.account}`));
        case 'post': {
          const post = plan.posts[write.post] as PlannedPost;
          keys.set(`post/${write.post}`, rkey);
          return create(nsid.post, rkey, recordOf(post, createdAt, post.text));
        }
        case 'editPost': {
          const post = plan.posts[write.post] as PlannedPost;
          const at = new Date((windowStartUs + post.second * 1e6) / 1000).toISOString();
          return {
            $type: 'com.atproto.repo.applyWrites#update',
            collection: nsid.post,
            rkey: known(`post/${write.post}`),
            value: recordOf(post, at, post.editedText ?? post.text),
          };
        }
        case 'deletePost':
          return remove(nsid.post, known(`post/${write.post}`));
        case 'like':
          keys.set(`${session.account}/like/${write.post}`, rkey);
          return create(nsid.like, rkey, { subject: subject(write.post) });
        case 'unlike':
          return remove(nsid.like, known(`${session.account}/like/${write.post}`));
        case 'repost':
          return create(nsid.repost, rkey, { subject: subject(write.post) });
      }
    };
    const answer = await xrpc<ApplyWritesResult>(pdsUrl, 'com.atproto.repo.applyWrites', {
      accessJwt: account.accessJwt,
      body: { repo: account.did, writes: session.writes.map(writeOf) },
    });
    timeOfCommit.set(`${account.did}/${answer.commit.rev}`, us);
    session.writes.forEach((write, index) => {
      const result = answer.results[index];
      if (write.kind === 'post' || write.kind === 'editPost')
        posts[write.post] = { uri: result?.uri ?? '', cid: result?.cid ?? '' };
    });
    operations += session.writes.length;
    options.onSession?.(session.writes.length);
  }

  for (const leaving of plan.leaving)
    await xrpc(pdsUrl, 'com.atproto.server.deactivateAccount', {
      accessJwt: (accounts[leaving] as Session).accessJwt,
      body: {},
    });
  return { plan, accounts, posts, timeOfCommit, windowStartUs, windowEndUs: endUs, operations };
}

async function createAccounts(
  planned: readonly PlannedAccount[],
  pdsUrl: string,
  onAccount: (() => void) | undefined,
  signal: AbortSignal | undefined,
): Promise<Session[]> {
  const sessions: Session[] = [];
  for (const { handle } of planned) {
    signal?.throwIfAborted();
    const { did, accessJwt } = await xrpc<{ did: string; accessJwt: string }>(
      pdsUrl,
      'com.atproto.server.createAccount',
      { body: { handle, email: `${handle.replace('.test', '')}@network.test`, password: 'not-a-secret' } },
    );
    sessions.push({ did, handle, accessJwt });
    onAccount?.();
  }
  return sessions;
}
