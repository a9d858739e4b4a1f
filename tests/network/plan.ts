import { seeded, type Seeded } from './seeded.ts';
import { answers, everyday, quoting } from './texts/everyday.ts';
import { adult, spam, tooShort } from './texts/filtered.ts';
import { uniqueTexts } from './texts/grammar.ts';
import { otherLanguages } from './texts/languages.ts';
import { constructive, heated, plainPolitics } from './texts/politics.ts';

/** What an account is in the network for. */
export type Role =
  | 'participant'
  | 'writer'
  | 'constructive'
  | 'heated'
  | 'superposter'
  | 'excludelisted'
  | 'adult'
  | 'spammer'
  | 'foreign'
  | 'leaver';

export interface PlannedAccount {
  handle: string;
  displayName: string;
  role: Role;
  /** Subject of its texts: a key of `everyday`, or a language for role 'foreign'. */
  subject: string;
}

export interface PlannedPost {
  id: number;
  account: number;
  /** Seconds from the start of the window. */
  second: number;
  text: string;
  /** Languages that the author claims, not always rightly. */
  langs: string[];
  replyTo?: number;
  quote?: number;
  selfLabel?: string;
  fate: 'kept' | 'deleted' | 'edited';
  /** What an edit turned the text into. */
  editedText?: string;
}

/** One operation; posts are named by their id, accounts by their index. */
export type PlannedWrite =
  | { kind: 'profile'; displayName: string; description: string; edit: boolean }
  | { kind: 'follow' | 'unfollow'; account: number }
  | { kind: 'post' | 'editPost' | 'deletePost'; post: number }
  | { kind: 'like' | 'unlike' | 'repost'; post: number };

/** What an account does in one go; becomes one commit. */
export interface PlannedSession {
  account: number;
  second: number;
  writes: PlannedWrite[];
}

export interface NetworkPlan {
  seed: string;
  /** Length of the window that the sessions are spread over. */
  windowSeconds: number;
  accounts: PlannedAccount[];
  posts: PlannedPost[];
  /** In the order in which they are written; no two at the same second. */
  sessions: PlannedSession[];
  /** Accounts that deactivate themselves at the end. */
  leaving: number[];
  /** Whom every participant follows: the same for all, so that what differs between feeds is the arm. */
  followedByParticipants: number[];
  /** Followed by every participant at first and unfollowed later. */
  unfollowedByParticipants: number[];
}

const hour = 3600;
const windowSeconds = 47.5 * hour;
/** When those who talk politics do it all at once: same age, near enough the same likes, so that temper alone differs. */
const debateHour = 43.6;
/** The first ten minutes are for profiles and follows. */
const openingSeconds = 600;
/** Everybody has a last look in the last forty minutes, so that late posts get likes too. */
const lastLookSeconds = 40 * 60;

const roles: readonly (readonly [Role, number])[] = [
  ['participant', 9],
  ['writer', 60],
  ['constructive', 8],
  ['heated', 8],
  ['superposter', 1],
  ['excludelisted', 1],
  ['adult', 2],
  ['spammer', 2],
  ['foreign', 10],
  ['leaver', 1],
];

/** Handle of the account that the excludelist names; the demo adds it there. */
export const excludelistedHandle = 'excluded-voice.test';
export const superposterHandle = 'endless-updates.test';

const first = [
  'amber',
  'birch',
  'cedar',
  'copper',
  'drift',
  'dusty',
  'early',
  'fern',
  'frost',
  'gentle',
  'hazel',
  'indigo',
  'juniper',
  'late',
  'linen',
  'lunar',
  'maple',
  'misty',
  'mossy',
  'north',
  'olive',
  'paper',
  'pebble',
  'plain',
  'quiet',
  'rusty',
  'sandy',
  'silver',
  'slow',
  'tidal',
  'velvet',
  'wild',
];
const second = [
  'anchor',
  'badger',
  'bell',
  'button',
  'canoe',
  'comet',
  'fiddle',
  'finch',
  'harbor',
  'kettle',
  'ladder',
  'lamp',
  'magpie',
  'meadow',
  'needle',
  'orchard',
  'otter',
  'pear',
  'quarry',
  'ribbon',
  'sparrow',
  'thimble',
  'wagon',
  'willow',
];

const capitalised = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

function planAccounts(random: Seeded): PlannedAccount[] {
  const names = random.sample(
    first.flatMap((one) => second.map((two) => [one, two] as const)),
    roles.reduce((sum, [, count]) => sum + count, 0),
  );
  const subjects = Object.keys(everyday);
  const languages = Object.keys(otherLanguages);
  return roles.flatMap(([role, count]) =>
    Array.from({ length: count }, (_, i): PlannedAccount => {
      const [one, two] = names.pop() as (typeof names)[number];
      const fixed =
        role === 'excludelisted'
          ? excludelistedHandle
          : role === 'superposter'
            ? superposterHandle
            : undefined;
      const handle = fixed ?? `${one}-${two}.test`;
      return {
        handle,
        displayName: handle.replace('.test', '').split('-').map(capitalised).join(' '),
        role,
        subject:
          role === 'foreign'
            ? (languages[i % languages.length] ?? 'de')
            : (subjects[i % subjects.length] ?? 'city'),
      };
    }),
  );
}

/** Hours into the window at which an account of a role sits down to write, and how many posts it writes each time. */
function sittings(role: Role, random: Seeded): { atHour: number; posts: number }[] {
  const around = (centre: number, spread: number): number => centre + (random.fraction() * 2 - 1) * spread;
  switch (role) {
    case 'superposter':
      return Array.from({ length: 22 }, (_, i) => ({ atHour: around(1.7 + i * 2.05, 0.7), posts: 2 }));
    case 'participant':
      return [6, 18, 30, 42].map((centre) => ({ atHour: around(centre, 4), posts: centre === 18 ? 0 : 1 }));
    case 'adult':
    case 'foreign':
      return [8, 24, 40].map((centre) => ({ atHour: around(centre, 6), posts: 2 }));
    case 'heated':
    case 'constructive':
      // the last time they all speak is the same evening debate
      return [
        ...[5, 17, 29].map((centre) => ({ atHour: around(centre, 4.5), posts: 2 })),
        { atHour: around(debateHour, 0.6), posts: 2 },
      ];
    default:
      return [5, 17, 29, 41].map((centre) => ({ atHour: around(centre, 4.5), posts: 2 }));
  }
}

/** How many likes a post would get if everyone came by: a long tail for most, more for what people talk about. */
function popularity(
  role: Role,
  followed: boolean,
  fate: PlannedPost['fate'],
  index: number,
  random: Seeded,
): number {
  const tail = Math.floor(32 * random.fraction() ** 4);
  if (fate === 'deleted') return random.between(20, 34);
  switch (role) {
    case 'heated':
      return index >= 6 ? random.between(25, 36) : random.between(8, 28);
    case 'constructive':
      return index >= 6 ? random.between(23, 34) : random.between(8, 26);
    case 'superposter':
      return index % 4 === 1 ? random.between(38, 48) : random.between(0, 4);
    case 'excludelisted':
    case 'leaver':
      return random.between(24, 44);
    case 'adult':
      return random.between(12, 30);
    case 'foreign':
      return random.between(1, 24);
    case 'spammer':
      return random.between(0, 2);
    case 'writer':
      return followed ? random.between(8, 30) : tail;
    case 'participant':
      return random.between(0, 4);
  }
}

/**
 * The network as a pure function of a seed: who there is, what they write, whom they follow, what they like, delete and
 * edit, and in which order. DIDs, keys and times come later, when it is written to a PDS.
 */
export function planNetwork(seed = 'feedtrial'): NetworkPlan {
  const random = seeded(seed);
  const accounts = planAccounts(random.branch('accounts'));
  const of = (role: Role): number[] => accounts.flatMap((account, i) => (account.role === role ? [i] : []));
  const graph = random.branch('graph');
  const writers = of('writer');
  const followedWriters = graph.sample(writers, 4);
  const followedByParticipants = [
    ...of('heated'),
    ...of('constructive'),
    ...followedWriters,
    ...of('superposter'),
    ...of('excludelisted'),
    ...of('adult').slice(0, 1),
    ...of('foreign').slice(0, 1),
    ...of('leaver'),
  ];
  const unfollowedByParticipants = graph.sample(
    writers.filter((i) => !followedWriters.includes(i)),
    1,
  );

  const sessions = planSessions(accounts, random.branch('sessions'));
  const posts = writePosts(accounts, sessions, random.branch('texts'));
  openAccounts(accounts, sessions, { followedByParticipants, unfollowedByParticipants }, graph);
  changeMinds(accounts, sessions, posts, unfollowedByParticipants, random.branch('changes'));
  react(accounts, sessions, posts, new Set(followedByParticipants), random.branch('reactions'));

  const kept = sessions.filter((session) => session.writes.length > 0);
  const largest = Math.max(...kept.map((session) => session.writes.length));
  if (largest > 200) throw new Error(`a session has ${largest} writes; a PDS takes 200 at a time`);
  return {
    seed,
    windowSeconds,
    accounts,
    posts,
    sessions: kept,
    leaving: of('leaver'),
    followedByParticipants,
    unfollowedByParticipants,
  };
}

interface Sitting extends PlannedSession {
  posts: number;
  part: 'opening' | 'writing' | 'last look';
}

function planSessions(accounts: readonly PlannedAccount[], random: Seeded): Sitting[] {
  const sessions = accounts.flatMap(({ role }, account): Sitting[] => [
    { account, second: account * 5, posts: 0, part: 'opening', writes: [] },
    ...sittings(role, random).map(({ atHour, posts }): Sitting => {
      const latest = windowSeconds - lastLookSeconds;
      const second = Math.min(Math.max(Math.round(atHour * hour), openingSeconds), latest);
      return { account, second, posts, part: 'writing', writes: [] };
    }),
    {
      account,
      second: windowSeconds - random.between(60, lastLookSeconds - 60),
      posts: 0,
      part: 'last look',
      writes: [],
    },
  ]);
  sessions.sort((a, b) => a.second - b.second || a.account - b.account);
  let previous = -1;
  for (const session of sessions) {
    session.second = Math.max(session.second, previous + 1);
    previous = session.second;
  }
  return sessions;
}

function writePosts(
  accounts: readonly PlannedAccount[],
  sessions: readonly Sitting[],
  random: Seeded,
): PlannedPost[] {
  const posts: PlannedPost[] = [];
  const write = uniqueTexts(random);
  const short = random.sample(tooShort, tooShort.length);
  const written = new Map<number, number>();
  for (const session of sessions) {
    const account = accounts[session.account] as PlannedAccount;
    const repliable = posts.filter(
      (post) =>
        post.account !== session.account &&
        ['writer', 'participant'].includes((accounts[post.account] as PlannedAccount).role),
    );
    for (let i = 0; i < session.posts; i++) {
      const index = written.get(session.account) ?? 0;
      written.set(session.account, index + 1);
      const post: PlannedPost = {
        id: posts.length,
        account: session.account,
        second: session.second,
        text: '',
        langs: ['en'],
        fate: 'kept',
      };
      const own = everyday[account.subject];
      switch (account.role) {
        case 'heated':
        case 'constructive':
          post.text = write(index % 8 === 5 && own ? own : account.role === 'heated' ? heated : constructive);
          break;
        case 'superposter':
          post.text = write(
            everyday[random.pick(['city', 'stars', 'garden', 'books', 'football'])] ?? plainPolitics,
          );
          break;
        case 'adult':
          post.text = write(adult);
          post.selfLabel = random.pick(['porn', 'sexual', 'nudity']);
          break;
        case 'spammer':
          post.text = write(spam);
          break;
        case 'foreign':
          post.text = write(otherLanguages[account.subject] as NonNullable<(typeof otherLanguages)[string]>);
          // some authors' apps claim English whatever they write
          post.langs = random.fraction() < 0.3 ? ['en'] : [account.subject];
          break;
        default: {
          const chance = random.fraction();
          const shortText = account.role === 'writer' && chance < 0.035 ? short.pop() : undefined;
          if (shortText !== undefined) post.text = shortText;
          else if (account.role === 'writer' && chance < 0.14) post.text = write(plainPolitics);
          else if (chance < 0.28 && repliable.length > 0) {
            post.text = write(answers);
            post.replyTo = random.pick(repliable).id;
          } else if (chance < 0.32 && repliable.length > 0) {
            post.text = write(quoting);
            post.quote = random.pick(repliable).id;
          } else post.text = write(own as NonNullable<typeof own>);
        }
      }
      posts.push(post);
      session.writes.push({ kind: 'post', post: post.id });
    }
  }
  return posts;
}

function openAccounts(
  accounts: readonly PlannedAccount[],
  sessions: readonly Sitting[],
  participants: Pick<NetworkPlan, 'followedByParticipants' | 'unfollowedByParticipants'>,
  random: Seeded,
): void {
  const followers = accounts.map(() => 1);
  for (const session of sessions.filter(({ part }) => part === 'opening')) {
    const account = accounts[session.account] as PlannedAccount;
    session.writes.push({
      kind: 'profile',
      displayName: account.displayName,
      description: `I write about ${account.subject}.`,
      edit: false,
    });
    const followed =
      account.role === 'participant'
        ? new Set([...participants.followedByParticipants, ...participants.unfollowedByParticipants])
        : new Set<number>();
    const wanted = account.role === 'participant' ? followed.size : random.between(4, 22);
    while (followed.size < wanted) {
      // whoever has followers gets more of them
      const total = followers.reduce((sum, n) => sum + n, 0);
      let at = random.fraction() * total;
      const chosen = followers.findIndex((n) => (at -= n) < 0);
      if (chosen >= 0 && chosen !== session.account) followed.add(chosen);
    }
    for (const other of followed) {
      followers[other] = (followers[other] ?? 0) + 1;
      session.writes.push({ kind: 'follow', account: other });
    }
  }
}

function changeMinds(
  accounts: readonly PlannedAccount[],
  sessions: readonly Sitting[],
  posts: readonly PlannedPost[],
  unfollowed: readonly number[],
  random: Seeded,
): void {
  const lastLook = new Map(sessions.filter(({ part }) => part === 'last look').map((s) => [s.account, s]));
  const eligible = posts.filter(
    (post) =>
      accounts[post.account]?.role === 'writer' &&
      post.replyTo === undefined &&
      post.text.length > 30 &&
      post.second < windowSeconds * 0.7 &&
      post.second > openingSeconds,
  );
  const chosen = random.sample(eligible, 17);
  const deleted = chosen.slice(0, 14);
  const changed = chosen.slice(14);
  for (const post of deleted) {
    post.fate = 'deleted';
    lastLook.get(post.account)?.writes.push({ kind: 'deletePost', post: post.id });
  }
  for (const post of changed) {
    post.fate = 'edited';
    post.editedText = `${post.text} Edit: a commenter caught a typo, thank you.`;
    lastLook.get(post.account)?.writes.push({ kind: 'editPost', post: post.id });
  }
  for (const session of sessions) {
    const account = accounts[session.account] as PlannedAccount;
    if (session.part !== 'last look') continue;
    if (account.role === 'participant')
      for (const other of unfollowed) session.writes.push({ kind: 'unfollow', account: other });
    if (session.account % 8 === 0)
      session.writes.push({
        kind: 'profile',
        displayName: account.displayName,
        description: `I write about ${account.subject}, and sometimes about the weather.`,
        edit: true,
      });
  }
}

function react(
  accounts: readonly PlannedAccount[],
  sessions: readonly Sitting[],
  posts: readonly PlannedPost[],
  followed: ReadonlySet<number>,
  random: Seeded,
): void {
  const sessionsOf = accounts.map((_, i) => sessions.filter((s) => s.account === i && s.part !== 'opening'));
  const indexOf = new Map<number, number>();
  for (const post of posts) {
    const author = accounts[post.account] as PlannedAccount;
    const index = indexOf.get(post.account) ?? 0;
    indexOf.set(post.account, index + 1);
    const goneAt =
      post.fate === 'deleted'
        ? (sessionsOf[post.account]?.find((s) => s.part === 'last look')?.second ?? Infinity)
        : Infinity;
    const openings = (reader: number): Sitting[] =>
      (sessionsOf[reader] ?? []).filter((s) => s.second > post.second && s.second < goneAt);
    const readers = accounts.flatMap((reader, i) => {
      if (i === post.account || openings(i).length === 0) return [];
      // participants like what is theirs: political talk, or the subject that they write about
      if (reader.role === 'participant' && author.subject !== reader.subject && author.role === 'writer')
        return [];
      return [i];
    });
    const wanted = popularity(author.role, followed.has(post.account), post.fate, index, random);
    for (const reader of random.sample(readers, wanted)) {
      const possible = openings(reader);
      // most likes come soon after the post
      const session = possible[Math.floor(random.fraction() ** 2 * possible.length)] as Sitting;
      session.writes.push({ kind: 'like', post: post.id });
      const later = possible.filter((s) => s.second > session.second);
      if (random.fraction() < 0.006 && later.length > 0)
        random.pick(later).writes.push({ kind: 'unlike', post: post.id });
      else if (random.fraction() < 0.07) session.writes.push({ kind: 'repost', post: post.id });
    }
  }
}
