import fs from 'node:fs';
import path from 'node:path';
import { writeDurably } from '../../../lake/segments/index.ts';
import { collectionFilter, type CollectionFilter } from '../firehose/collections.ts';
import { gapId, type GapStatement } from '../spool/lines.ts';

/** Which collections were kept, from a moment on. */
export interface KeptCollections {
  sinceUs: number;
  /** None keeps every collection. */
  collections: string[];
}

/** `<spool>/<stream>.settings.json`: what a stream has been followed with so far. */
export interface StreamSettings {
  /** Server that the cursor is of. */
  url: string;
  /** Oldest first. */
  kept: KeptCollections[];
}

const fileOf = (spool: string, stream: string): string => path.join(spool, `${stream}.settings.json`);

/** Null where there are none, or they can't be read: then nothing is known to have changed. */
export function readSettings(spool: string, stream: string): StreamSettings | null {
  try {
    const read = JSON.parse(fs.readFileSync(fileOf(spool, stream), 'utf8')) as Partial<StreamSettings>;
    return typeof read.url === 'string' && Array.isArray(read.kept) && read.kept.length > 0
      ? (read as StreamSettings)
      : null;
  } catch {
    return null;
  }
}

export function writeSettings(spool: string, stream: string, settings: StreamSettings): void {
  writeDurably(fileOf(spool, stream), JSON.stringify(settings));
}

/** Servers are told apart by host, port and path; a query or a password doesn't make another one. */
export const serverOf = (url: URL): string => `${url.protocol}//${url.host}${url.pathname}`;

/** True if a filter keeps all that a pattern stands for. */
function covers(collections: readonly string[], keeps: CollectionFilter, pattern: string): boolean {
  if (collections.length === 0) return true;
  if (pattern === '*') return false;
  return pattern.endsWith('.*')
    ? collections.some((other) => other.endsWith('.*') && pattern.startsWith(other.slice(0, -1)))
    : keeps(pattern);
}

/**
 * What is kept from now on and was left out before, with the moment from which it was.
 *
 * Example: all was kept, from Monday only posts, from Friday posts and likes: likes were left out from Monday to Friday.
 * @param kept oldest first
 * @param collections those that are kept from now on
 */
export function newlyKept(
  kept: readonly KeptCollections[],
  collections: readonly string[],
): { collection: string; sinceUs: number }[] {
  const patterns = collections.length === 0 ? ['*'] : collections;
  return patterns.flatMap((pattern) => {
    let sinceUs: number | null = null;
    for (const past of kept.toReversed()) {
      if (covers(past.collections, collectionFilter(past.collections), pattern)) break;
      sinceUs = past.sinceUs;
    }
    return sinceUs === null ? [] : [{ collection: pattern, sinceUs }];
  });
}

/** A gap for each of them. `'*'` stands for every collection that was left out. */
export function collectionGaps(
  stream: string,
  missed: readonly { collection: string; sinceUs: number }[],
  to: { cursor: number | null; us: number },
): GapStatement[] {
  return missed.map(({ collection, sinceUs }) => ({
    gap_id: gapId(stream, 'collections_changed', `${collection} ${sinceUs}`),
    kind: 'collections_changed',
    state: 'open',
    did: null,
    collection: collection === '*' ? null : collection,
    from_us: sinceUs,
    to_us: to.us,
    from_seq: null,
    to_seq: stream === 'firehose' ? to.cursor : null,
    detail: `${collection === '*' ? 'collections that were left out are' : `${collection} is`} kept from here on and ${collection === '*' ? 'were' : 'was'} not before: a backfill can fetch what was missed`,
  }));
}

/**
 * A gap for each of the collections that the models know by name, when it begins to be left out, and its end when it is
 * kept again, whatever pattern does that: what isn't captured must be missing, not none, from the first moment on.
 * @param known their NSIDs
 */
export function leftOutGaps(
  stream: string,
  past: readonly KeptCollections[],
  collections: readonly string[],
  known: readonly string[],
  at: { cursor: number | null; us: number },
): GapStatement[] {
  const keeps = collectionFilter(collections);
  const last = past.at(-1);
  const kept = last === undefined ? () => true : collectionFilter(last.collections);
  const begin = known.filter((collection) => !keeps(collection) && kept(collection));
  const end = known.filter((collection) => keeps(collection) && !kept(collection));
  return [
    ...begin.map((collection): GapStatement => ({
      gap_id: gapId(stream, 'collections_changed', `${collection} ${at.us}`),
      kind: 'collections_changed',
      state: 'open',
      did: null,
      collection,
      from_us: at.us,
      to_us: null,
      from_seq: stream === 'firehose' ? at.cursor : null,
      to_seq: null,
      detail: `${collection} is left out from here on, as FEEDTRIAL_COLLECTIONS or --collections says`,
    })),
    ...collectionGaps(
      stream,
      end.flatMap((collection) => newlyKept(past, [collection])),
      at,
    ),
  ];
}

/** The settings with the collections that are kept from a moment on. */
export function withKept(
  past: StreamSettings | null,
  url: string,
  collections: readonly string[],
  sinceUs: number,
): StreamSettings {
  const sorted = [...collections].sort();
  const kept = past?.kept ?? [];
  const same = JSON.stringify(kept.at(-1)?.collections) === JSON.stringify(sorted);
  return { url, kept: same ? kept : [...kept, { sinceUs, collections: sorted }] };
}
