import { demoErrors } from './errors.ts';

export const getFeedSkeleton = 'app.bsky.feed.getFeedSkeleton';

interface Skeleton {
  cursor?: string;
  feed: { post: string }[];
}

/** What the feed server sent to one reader. */
export interface SentFeed {
  /** Post URIs in order. */
  uris: string[];
  /** Answers that it took: one a page. */
  answers: number;
}

/**
 * Reads a feed to its end as a client does, page by page.
 * @param token gives a service token for one request (each is used once); null reads as someone without an account
 * @throws FeedtrialError FT_DEMO_FEED where the server refuses
 */
export async function readFeed(
  server: { url: string; feedUri: string },
  token: (() => Promise<string>) | null,
  options: { posts?: number; pagePosts?: number } = {},
): Promise<SentFeed> {
  const { posts = 100, pagePosts = 50 } = options;
  const uris: string[] = [];
  let cursor: string | undefined;
  let answers = 0;
  do {
    const url = new URL(`/xrpc/${getFeedSkeleton}`, server.url);
    url.searchParams.set('feed', server.feedUri);
    url.searchParams.set('limit', String(Math.min(pagePosts, posts - uris.length)));
    if (cursor !== undefined) url.searchParams.set('cursor', cursor);
    const response = await fetch(url, {
      headers: {
        ...(token ? { authorization: `Bearer ${await token()}` } : {}),
        'user-agent': 'feedtrial-demo',
      },
    });
    if (!response.ok) throw demoErrors.refused(response.status, await response.text());
    const page = (await response.json()) as Skeleton;
    answers += 1;
    uris.push(...page.feed.map(({ post }) => post));
    cursor = page.cursor;
  } while (cursor !== undefined && uris.length < posts);
  return { uris, answers };
}
