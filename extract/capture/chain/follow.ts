import { hash } from 'node:crypto';
import type { ChainLink } from '../firehose/chain-link.ts';
import { log } from '../../../ops/telemetry/index.ts';
import { gapId, type GapStatement } from '../spool/lines.ts';
import { openChainStore, type ChainPosition, type RepositoryState } from './store.ts';

/** A verified commit, or what a #sync frame says (`link` null), in the order of the stream. */
export interface ChainedCommit {
  did: string;
  rev: string;
  data: string;
  link: ChainLink | null;
  seq: number | null;
  eventUs: number;
}

export interface ChainCounts {
  /** Commits that follow on the one before. */
  followed: number;
  /** First commits that were seen of a repository. */
  first: number;
  /** Commits whose server sends no `since` or no `prevData`. */
  legacy: number;
  /** Commits whose operations don't lead back to their `prevData`. */
  incomplete: number;
  /** Commits that don't follow on the one before, each a gap of kind 'chain_break'. */
  breaks: number;
  /** Commits that were in the spool already, dropped. */
  duplicates: number;
  /** Commits older than the repository's last, kept: staging folds them. */
  replayed: number;
}

/** What to do with a commit's rows, and what to state about its repository. */
export interface ChainVerdict {
  drop: boolean;
  gap: GapStatement | null;
}

/**
 * Follows every repository's chain: each commit names the one before it by `since` (a rev) and `prevData` (a tree).
 *
 * The states on disk are never ahead of the spool: `checkpoint` writes them down once all lines of their commits are
 * durable. They may be behind, after a crash; capture then goes on from where they stand (`startCursor`), and what it
 * takes a second time is the same rows.
 */
export interface Chain {
  readonly counts: ChainCounts;
  judge(commit: ChainedCommit): ChainVerdict;
  /** All lines of what was judged so far have been appended to the spool, which stands there. */
  appended(at: ChainPosition, bytes: number): void;
  /** Writes down what is covered by the durable bytes of the spool. */
  checkpoint(durableBytes: number): void;
  /**
   * Takes note of a commit that was verified long after it came: it never moves the chain back, and breaks nothing.
   *
   * Example: 1, (2 can't be verified), 3 -> a break between 1 and 3; 2 verifies late -> the break is closed.
   * @returns the break that it closes
   */
  late(commit: ChainedCommit): GapStatement | null;
  /** @param sealed the spool was closed well, so that all that was appended is durable */
  close(sealed: boolean): void;
}

/** Name of the tree without records: the node {e: [], l: null} in DAG-CBOR. */
export const emptyTree = hash('sha256', Buffer.from('a2616580616cf6', 'hex')).slice(0, 16);

/** States older than this, against the spool, are forgotten: taking so much again costs more than what they tell. */
const longestRewindUs = 120_000_000;

/**
 * Where capture goes on so that no commit is left out of the chain: the spool's cursor, or a little before it.
 * @returns null if the states can't be joined to the spool's cursor
 */
export function startCursor(spool: ChainPosition, chain: ChainPosition): number | null {
  if (chain.cursor === spool.cursor) return spool.cursor;
  const near = chain.us !== null && spool.us !== null && Math.abs(spool.us - chain.us) <= longestRewindUs;
  return near && chain.cursor < spool.cursor ? chain.cursor : null;
}

/**
 * @param resumed where the spool stands; null where it is new
 * @returns the chain, and the cursor to go on from
 */
export function openChain(
  spool: string,
  resumed: ChainPosition | null,
  { checkpointMs = 1_000, now = Date.now }: { checkpointMs?: number; now?: () => number } = {},
): { chain: Chain; cursor: number | null } {
  const store = openChainStore(spool, now);
  let cursor = resumed?.cursor ?? null;
  if (store.position !== null) {
    const from = resumed === null ? null : startCursor(resumed, store.position);
    if (from === null) {
      log.warn("the chain of repositories' commits begins anew: it is too far from the spool's cursor", {
        chain: store.position.cursor,
        spool: cursor,
      });
      store.clear();
    } else cursor = from;
  }

  const counts: ChainCounts = {
    followed: 0,
    first: 0,
    legacy: 0,
    incomplete: 0,
    breaks: 0,
    duplicates: 0,
    replayed: 0,
  };
  let collecting = new Map<string, RepositoryState>();
  // states that wait for their lines to become durable
  let waiting: { states: typeof collecting; position: ChainPosition; bytes: number } | null = null;
  let position: ChainPosition | null = null;
  let bytes = 0;
  let savedMs = 0;

  let failing = false;

  const save = (states: typeof collecting, at: ChainPosition): boolean => {
    try {
      store.save(states, at);
      failing = false;
      return true;
    } catch (error) {
      // a full disk, most likely: the spool stops at the same one, and the states may be behind
      if (!failing)
        log.error("the chain of repositories' commits can't be written", { error: String(error) });
      failing = true;
      return false;
    }
  };

  const known = (did: string): RepositoryState | null =>
    collecting.get(did) ?? waiting?.states.get(did) ?? store.get(did);

  const rememberBreak = (
    did: string,
    { rev, data }: RepositoryState,
    { prevData }: ChainLink,
    untilRev: string,
    gap: GapStatement,
  ): void => {
    try {
      store.setBreak(did, { gap, rev, data, untilRev, untilData: prevData });
    } catch (error) {
      log.warn('a break will stay open until a backfill closes it', { error: String(error) });
    }
  };

  const gapOf = (commit: ChainedCommit, last: RepositoryState | null, detail: string): GapStatement => ({
    gap_id: gapId('firehose', 'chain_break', `${commit.did} ${last?.rev ?? ''} ${commit.rev}`),
    kind: 'chain_break',
    state: 'open',
    did: commit.did,
    collection: null,
    from_us: last?.eventUs ?? null,
    to_us: commit.eventUs,
    from_seq: last?.seq ?? null,
    to_seq: commit.seq,
    detail: `${detail}: fetch the repository whole`,
  });

  return {
    chain: {
      counts,
      judge(commit) {
        const { did, rev, data, link, seq, eventUs } = commit;
        const last = known(did);
        const become = (): void => void collecting.set(did, { rev, data, seq, eventUs });
        if (link === null) {
          become();
          // A #sync opens a gap, except where nothing is missing: a new account's empty repository, or the tree that
          // we hold already.
          const nothingMissed = last === null ? data === emptyTree : data === last.data;
          return { drop: nothingMissed, gap: null };
        }
        if (last !== null && rev === last.rev && data === last.data) {
          counts.duplicates++;
          return { drop: true, gap: null };
        }
        if (last !== null && rev < last.rev) {
          counts.replayed++;
          return { drop: false, gap: null };
        }
        become();
        const broken = ((): string | null => {
          if (last === null) return null;
          if (rev === last.rev) return `another commit has the rev ${rev} as well`;
          if (link.since !== null && link.since !== last.rev)
            return `the commit ${rev} follows on ${link.since}, but the last that was captured is ${last.rev}`;
          if (link.prevData !== null && link.prevData !== last.data)
            return `the commit ${rev} follows on another tree than that of ${last.rev}`;
          return null;
        })();
        if (link.operations === 'failed') counts.incomplete++;
        if (link.operations === 'legacy' || link.since === null) counts.legacy++;
        if (broken !== null) {
          counts.breaks++;
          const gap = gapOf(commit, last, broken);
          if (last !== null && link.since !== null) rememberBreak(did, last, link, link.since, gap);
          return { drop: false, gap };
        }
        if (last === null) counts.first++;
        else counts.followed++;
        if (link.operations !== 'failed') return { drop: false, gap: null };
        const why = `the operations of ${rev} are not all that changed (${link.problem ?? ''})`;
        return { drop: false, gap: gapOf(commit, last, why) };
      },
      appended(at, appendedBytes) {
        position = at;
        bytes = appendedBytes;
      },
      checkpoint(durableBytes) {
        if (now() - savedMs < checkpointMs) return;
        if (waiting !== null && durableBytes >= waiting.bytes) {
          savedMs = now();
          if (save(waiting.states, waiting.position)) waiting = null;
        }
        if (waiting !== null || position === null) return;
        waiting = { states: collecting, position, bytes };
        collecting = new Map();
        position = null;
      },
      late({ did, rev, data, link, seq, eventUs }) {
        const last = known(did);
        if (last === null || (rev > last.rev && link?.since === last.rev))
          collecting.set(did, { rev, data, seq, eventUs });
        if (link === null || link.operations === 'failed') return null;
        try {
          const open = store.breakOf(did);
          if (open === null || link.since !== open.rev) return null;
          if (link.prevData !== null && link.prevData !== open.data) return null;
          if (rev !== open.untilRev) {
            store.setBreak(did, { ...open, rev, data }); // one of several that were missing
            return null;
          }
          if (open.untilData !== null && data !== open.untilData) return null;
          store.setBreak(did, null);
          return { ...open.gap, state: 'closed', detail: 'the commit that was missing was verified late' };
        } catch (error) {
          log.warn('a break that may be closed stays open', { error: String(error) });
          return null;
        }
      },
      close(sealed) {
        const whole = sealed && (waiting === null || save(waiting.states, waiting.position));
        if (whole && position !== null) save(collecting, position);
        store.close();
      },
    },
    cursor,
  };
}
