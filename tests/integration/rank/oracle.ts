import { createHash } from 'node:crypto';

/** What a post is scored by, as a generation stores it. */
export interface OraclePost {
  uri: string;
  author_did: string;
  event_us: number;
  likes: number | null;
  similarity: number | null;
  age_hours: number;
  toxic: number | null;
  constructive: number | null;
  sociopolitical: number | null;
  is_superposter: boolean;
}

export interface OracleReader {
  participantId: string;
  arm: string;
  follows: Set<string>;
  lastFeed: Set<string>;
}

export interface OraclePosition {
  uri: string;
  score: number;
  positionBeforeShuffle: number;
  propensity: number;
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

const engagement = (post: OraclePost): number => {
  const likes = post.likes ?? Math.max(100 * (post.similarity ?? 0.8), 0);
  const freshness = 3 * ((1 - 3 / 48) * 0.95) ** Math.min(post.age_hours, 48);
  return Math.log(1 + likes) + round(freshness, 2);
};

const treatment = (post: OraclePost): number => {
  const { toxic, constructive, sociopolitical } = post;
  let t = 1;
  if (sociopolitical !== null && sociopolitical > 0.5 && toxic !== null && constructive !== null)
    if (toxic + constructive > 0) t = (toxic * 0.965 + constructive * 1.02) / (toxic + constructive);
  return engagement(post) * t * (post.is_superposter ? 0.95 : 1);
};

const scoreOf: Record<string, (post: OraclePost) => number> = {
  default: (post) => post.event_us / 1e6,
  reverse_chronological: (post) => post.event_us / 1e6,
  engagement: (post) => round(engagement(post), 9),
  treatment: (post) => round(treatment(post), 9),
};

const md5 = (...parts: string[]): string => createHash('md5').update(parts.join('|')).digest('hex');

/**
 * The feed of one reader, post by post, as the design words the rules: written apart from the SQL, with loops over one
 * reader's whole pool where the SQL has windows over all readers' candidates.
 */
export function oracleFeed(
  posts: readonly OraclePost[],
  reader: OracleReader,
  chance: { seed: string; generation: string },
): OraclePosition[] {
  const score = scoreOf[reader.arm];
  if (!score) throw new Error(`no arm ${reader.arm}`);
  const sorted = posts
    .map((post) => ({ post, score: score(post) }))
    .sort((a, b) => b.score - a.score || (a.post.uri < b.post.uri ? -1 : 1));

  const byAuthor = new Map<string, number>();
  const capped = sorted.filter(({ post }) => {
    const count = (byAuthor.get(post.author_did) ?? 0) + 1;
    byAuthor.set(post.author_did, count);
    return count <= 5;
  });

  const first =
    reader.arm === 'default' ? [] : capped.filter(({ post }) => reader.follows.has(post.author_did));
  const head = first.slice(0, 50);
  const taken = new Set(head);
  const placed = [...head, ...capped.filter((one) => !taken.has(one))];

  let served = 0;
  const kept = placed.filter(({ post }) => !reader.lastFeed.has(post.uri) || ++served <= 60);

  const offset = Number(
    BigInt(`0x${md5(chance.seed, reader.participantId, chance.generation, 'offset').slice(0, 15)}`) % 3n,
  );
  const shuffled: OraclePosition[] = [];
  for (let from = 0; from < kept.length;) {
    const size = from === 0 && offset > 0 ? offset : 3;
    const block = kept.slice(from, from + size).map(({ post, score: value }, i) => ({
      draw: md5(chance.seed, reader.participantId, chance.generation, post.uri),
      uri: post.uri,
      score: value,
      positionBeforeShuffle: from + i + 1,
    }));
    block.sort((a, b) => (a.draw < b.draw ? -1 : 1));
    for (const { uri, score: value, positionBeforeShuffle } of block)
      shuffled.push({ uri, score: value, positionBeforeShuffle, propensity: 1 / block.length });
    from += size;
  }
  return shuffled.slice(0, 100);
}
