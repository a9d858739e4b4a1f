/**
 * Collections with a partition of their own in `raw/records`: those that models read by themselves, so that a scan for
 * posts opens no file of likes. Everything else shares `_other`.
 */
export const collectionGroups = [
  'app.bsky.feed.post',
  'app.bsky.feed.like',
  'app.bsky.feed.repost',
  'app.bsky.graph.follow',
  'app.bsky.graph.block',
  'app.bsky.actor.profile',
] as const;

export const otherCollections = '_other';

/** Partition that records of a collection are in. */
export function collectionGroup(collection: string): string {
  return (collectionGroups as readonly string[]).includes(collection) ? collection : otherCollections;
}
