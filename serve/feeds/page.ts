import type { ServedFeed, ServingIndex } from '../../lake/index.ts';

/** What of a feed is sent. */
export interface Page {
  uris: string[];
  /** Place in the feed of each URI, from 1: not consecutive where a post was left out. */
  positions: number[];
  /** Offset at which the next page begins; null at the end of the feed. */
  next: number | null;
}

/**
 * Cuts a page. Posts that may no longer be shown are passed over and the page is filled up behind them; offsets count
 * them, so that they stay the same while posts come and go.
 */
export function cutPage(
  index: ServingIndex,
  feed: ServedFeed,
  offset: number,
  limit: number,
  isHidden: (uri: string) => boolean,
): Page {
  const uris: string[] = [];
  const positions: number[] = [];
  let at = offset;
  for (; at < feed.positions.length && uris.length < limit; at++) {
    const uri = index.uri(feed.positions[at] as number);
    if (isHidden(uri)) continue;
    uris.push(uri);
    positions.push(at + 1);
  }
  return { uris, positions, next: at < feed.positions.length ? at : null };
}
