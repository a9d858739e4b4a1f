import { encode, toBytes } from '@atcute/cbor';
import { phrases } from '../../lake/generate/texts.ts';
import { makeIdentity, type Identity } from './account.ts';
import { openDraws } from './draws.ts';
import { addProof, blockOf, blockOfNode, linkTo, put, remove, type Block, type Tree } from './tree.ts';

export interface SyntheticNetworkOptions {
  seed: string;
  accounts: number;
  /** Share of accounts whose key is of P-256; default 0.1. */
  p256Share?: number;
  /** Sequence number of the first event; default 1. */
  firstSeq?: number;
}

export interface SyntheticOperation {
  action: 'create' | 'update' | 'delete';
  collection: string;
  rkey: string;
}

/** One event of the network, and what it says, for whoever checks what became of it. */
export interface SyntheticEvent {
  seq: number;
  type: 'commit' | 'identity' | 'account';
  did: string;
  operations: SyntheticOperation[];
  frame: Buffer;
}

export interface SyntheticNetwork {
  /** Makes the next event. Times must not go back; microseconds UTC. */
  next(nowUs: number): SyntheticEvent;
  /** DID document of an account; undefined for a DID that is not of this network. */
  document(did: string): Record<string, unknown> | undefined;
  readonly dids: string[];
}

/** A record of someone's, that others can refer to. */
interface Reference {
  uri: string;
  cid: Uint8Array;
}

interface Account {
  identity: Identity;
  tree: Tree;
  /** Rev of the last commit. */
  rev: string;
  /** What it has, by path. */
  records: Map<string, Uint8Array>;
  active: boolean;
}

const like = 'app.bsky.feed.like';
const post = 'app.bsky.feed.post';
const repost = 'app.bsky.feed.repost';
const follow = 'app.bsky.graph.follow';
const block = 'app.bsky.graph.block';
const profile = 'app.bsky.actor.profile';

/** Of 1,000 operations; about what the network's own mix is. */
const mix: [collection: string, weight: number][] = [
  [like, 620],
  [post, 130],
  [repost, 70],
  [follow, 110],
  [block, 20],
  [profile, 10],
];
const deletes = 40;
const identities = 2;
const statuses = 1;
/** Share of commits with two operations. */
const pairs = 0.03;
/** A repository with more records deletes instead of creating, so that a long rehearsal stays in memory. */
const mostRecords = 400;
const referencesKept = 5_000;

const tidAlphabet = '234567abcdefghijklmnopqrstuvwxyz';

function tid(us: number): string {
  let value = BigInt(us) << 10n;
  let text = '';
  for (let i = 0; i < 13; i++) {
    text = (tidAlphabet[Number(value & 31n)] as string) + text;
    value >>= 5n;
  }
  return text;
}

function varint(n: number): number[] {
  const bytes: number[] = [];
  let left = n;
  for (; left >= 0x80; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  return [...bytes, left];
}

function car(root: Uint8Array, blocks: Block[]): Uint8Array {
  const header = encode({ version: 1, roots: [linkTo(root)] });
  const parts: Uint8Array[] = [Uint8Array.from(varint(header.length)), header];
  for (const { cid, bytes } of blocks)
    parts.push(Uint8Array.from(varint(cid.length + bytes.length)), cid, bytes);
  return Buffer.concat(parts);
}

const commitHeader = encode({ op: 1, t: '#commit' });
const identityHeader = encode({ op: 1, t: '#identity' });
const accountHeader = encode({ op: 1, t: '#account' });

/**
 * A network in memory: accounts with keys, repositories and chance. Its commits are signed, carry what proves their
 * operations and what undoes them (`prevData`), and name the commit before (`since`); it comes in the middle of its
 * accounts' lives, so the first commit that is seen of each has one before it as well.
 */
export function openSyntheticNetwork(options: SyntheticNetworkOptions): SyntheticNetwork {
  const { seed, accounts: count, p256Share = 0.1, firstSeq = 1 } = options;
  const draws = openDraws(seed);
  const sentences = phrases.filter(({ tone }) => tone !== 'adult');
  const accounts: Account[] = Array.from({ length: count }, (_, n) => ({
    identity: makeIdentity(
      seed,
      n,
      Math.floor((n + 1) * p256Share) > Math.floor(n * p256Share) ? 'p256' : 'k256',
    ),
    tree: null,
    rev: '',
    records: new Map<string, Uint8Array>(),
    active: true,
  }));
  const byDid = new Map(accounts.map(({ identity }) => [identity.did, identity.document]));
  const inactive: Account[] = [];
  const posts: Reference[] = [];
  let nextSeq = firstSeq;
  let lastUs = 0;

  const record = (collection: string, createdAt: string): Record<string, unknown> => {
    const subject = posts.length > 0 ? draws.pick(posts) : null;
    const strong = subject && { uri: subject.uri, cid: linkTo(subject.cid) };
    switch (collection) {
      case like:
      case repost:
        return { $type: collection, subject: strong, createdAt };
      case follow:
      case block:
        return { $type: collection, subject: draws.pick(accounts).identity.did, createdAt };
      case profile:
        return { $type: profile, displayName: `Account ${draws.below(1_000_000)}`, createdAt };
      default: {
        const { language, openings, middles, endings } = draws.pick(sentences);
        const text = [draws.pick(openings), draws.pick(middles), draws.pick(endings)].join(' ');
        const reply = strong !== null && draws.chance(0.4) ? { reply: { root: strong, parent: strong } } : {};
        return {
          $type: post,
          text: text.replaceAll('{n}', String(2 + draws.below(9_998))),
          langs: [language],
          createdAt,
          ...reply,
        };
      }
    }
  };

  /** Draws an operation that the account can do now. */
  const operation = (account: Account): { action: SyntheticOperation['action']; collection: string } => {
    const { records } = account;
    if (records.size > mostRecords || (records.size > 0 && draws.chance(deletes / 1_000)))
      return { action: 'delete', collection: '' };
    let at = draws.below(mix.reduce((sum, [, weight]) => sum + weight, 0));
    for (const [collection, weight] of mix) {
      at -= weight;
      if (at >= 0) continue;
      if (posts.length === 0 && (collection === like || collection === repost)) break; // nothing to like yet
      const has = collection === profile && records.has(`${profile}/self`);
      return { action: has ? 'update' : 'create', collection };
    }
    return { action: 'create', collection: post };
  };

  const commit = (account: Account, us: number, time: string): SyntheticEvent => {
    const { identity, records } = account;
    const before = account.tree;
    const since = account.rev === '' ? tid(us - 60_000_000) : account.rev;
    const rev = tid(us);
    const changed = new Map<string, Block>();
    const operations: SyntheticOperation[] = [];
    const ops: Record<string, unknown>[] = [];
    for (let n = draws.chance(pairs) ? 2 : 1; n > 0; n--) {
      const { action, collection } = operation(account);
      let path: string;
      if (action === 'delete') {
        path = [...records.keys()][draws.below(Math.min(records.size, 50))] as string;
        if (changed.has(path)) continue; // a commit speaks of a record once
      } else {
        path = `${collection}/${collection === profile ? 'self' : tid(us + n)}`;
      }
      const prev = records.get(path);
      if (action === 'delete') {
        if (ops.some((op) => op.path === path)) continue;
        account.tree = remove(account.tree, path);
        records.delete(path);
        ops.push({ action, path, cid: null, prev: linkTo(prev as Uint8Array) });
      } else {
        if (ops.some((op) => op.path === path)) continue;
        const made = blockOf(record(collection, time));
        account.tree = put(account.tree, path, made.cid);
        records.set(path, made.cid);
        changed.set(path, made);
        ops.push({ action, path, cid: linkTo(made.cid), ...(prev ? { prev: linkTo(prev) } : {}) });
        if (collection === post) {
          const at = posts.length < referencesKept ? posts.length : draws.below(referencesKept);
          posts[at] = { uri: `at://${identity.did}/${path}`, cid: made.cid };
        }
      }
      const slash = path.indexOf('/');
      operations.push({ action, collection: path.slice(0, slash), rkey: path.slice(slash + 1) });
    }
    const nodes = new Set<Exclude<Tree, null>>();
    for (const { path } of ops) addProof(account.tree, path as string, nodes);
    const data = blockOfNode(account.tree);
    const unsigned = { did: identity.did, version: 3, data: linkTo(data.cid), rev, prev: null };
    const signed = blockOf({ ...unsigned, sig: toBytes(identity.sign(encode(unsigned))) });
    account.rev = rev;
    const seq = nextSeq++;
    const body = {
      seq,
      repo: identity.did,
      rev,
      since,
      commit: linkTo(signed.cid),
      prevData: linkTo(blockOfNode(before).cid),
      ops,
      blobs: [],
      blocks: toBytes(car(signed.cid, [signed, ...[...nodes].map(blockOfNode), ...changed.values()])),
      rebase: false,
      tooBig: false,
      time,
    };
    return {
      seq,
      type: 'commit',
      did: identity.did,
      operations,
      frame: Buffer.concat([commitHeader, encode(body)]),
    };
  };

  return {
    dids: [...byDid.keys()],
    document: (did) => byDid.get(did),
    next(nowUs) {
      // revs are clocks: two commits can't have one time
      const us = (lastUs = Math.max(Math.floor(nowUs), lastUs + 4));
      const time = new Date(us / 1000).toISOString();
      const kind = draws.below(1_000);
      if (kind < statuses) {
        const back = inactive.length > 0 && draws.chance(0.6) ? inactive.shift() : undefined;
        const account = back ?? draws.pick(accounts);
        if (back === undefined && account.active && inactive.length < count / 2) {
          account.active = false;
          inactive.push(account);
        } else {
          account.active = true;
        }
        const seq = nextSeq++;
        const { did } = account.identity;
        const status = account.active ? {} : { status: 'deactivated' };
        const body = { seq, did, time, active: account.active, ...status };
        return {
          seq,
          type: 'account',
          did,
          operations: [],
          frame: Buffer.concat([accountHeader, encode(body)]),
        };
      }
      if (kind < statuses + identities) {
        const seq = nextSeq++;
        const { did, handle } = draws.pick(accounts).identity;
        const body = { seq, did, time, handle };
        return {
          seq,
          type: 'identity',
          did,
          operations: [],
          frame: Buffer.concat([identityHeader, encode(body)]),
        };
      }
      let account = draws.pick(accounts);
      while (!account.active) account = draws.pick(accounts);
      return commit(account, us, time);
    },
  };
}
