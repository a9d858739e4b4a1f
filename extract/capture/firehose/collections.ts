/** Whether a collection is kept. */
export type CollectionFilter = (collection: string) => boolean;

const nsid = /^[a-zA-Z][a-zA-Z0-9-]*(\.[a-zA-Z0-9-]+)+(\.\*)?$/;

/** True for an NSID, or one that ends in `.*` and stands for all below it. */
export const isCollectionPattern = (pattern: string): boolean => nsid.test(pattern);

/**
 * @param patterns NSIDs such as `app.bsky.feed.post`, or `app.bsky.graph.*`; none keeps every collection
 */
export function collectionFilter(patterns: readonly string[]): CollectionFilter {
  if (patterns.length === 0) return () => true;
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('.*')));
  const prefixes = patterns
    .filter((pattern) => pattern.endsWith('.*'))
    .map((pattern) => pattern.slice(0, -1));
  return (collection) => exact.has(collection) || prefixes.some((prefix) => collection.startsWith(prefix));
}
