import { decode, encode, type BytesWrapper, type CidLinkWrapper } from '@atcute/cbor';
import { Rejection } from '../rejection.ts';
import { cidKey, cidText, openCar, type CarBlocks, type CidKey } from './car.ts';
import { chainLink, provedLink, treeName } from './chain-link.ts';
import type { Decoder, OpenedFrame, RecordOperation, VerifiedCommit, VerifiedSync } from './decoder.ts';
import { eventMicroseconds } from './event-time.ts';
import { frameType, parseFrame } from './frame.ts';
import { lookUp, openTree } from './mst.ts';
import { verifySignature, type PackedKey } from './signature.ts';

export interface SignedCommit {
  did: string;
  version: number;
  rev: string;
  data: CidLinkWrapper;
  sig: BytesWrapper;
}

interface Operation {
  action: string;
  path: string;
  cid: CidLinkWrapper | null;
}

function malformed(what: string): never {
  throw new Rejection('malformed_frame', what);
}

function blocksOf(body: Record<string, unknown>): CarBlocks {
  const blocks = (body.blocks as BytesWrapper | undefined)?.buf;
  if (!(blocks instanceof Uint8Array)) return malformed('no blocks');
  return openCar(blocks);
}

/** Where a signed commit and what it stands for are looked up. */
export type CommitBlocks = Pick<CarBlocks, 'root' | 'block' | 'matches'>;

/**
 * The commit block at the CAR's root, its repository and signature checked.
 * @param key null leaves the signature unchecked
 * @throws Rejection
 */
export function signedCommit(car: CommitBlocks, did: string, key: PackedKey | null): SignedCommit {
  let commit: SignedCommit;
  try {
    commit = decode(car.block(car.root)) as SignedCommit;
  } catch (cause) {
    if (cause instanceof Rejection) throw cause;
    throw new Rejection('malformed_frame', 'the commit is not CBOR', cause);
  }
  const { sig, ...unsigned } = commit;
  if (commit.did !== did) throw new Rejection('bad_signature', `the commit is of ${String(commit.did)}`);
  if (!(sig?.buf instanceof Uint8Array) || typeof commit.rev !== 'string' || commit.version !== 3)
    return malformed('the commit is not a signed one of version 3');
  if (key !== null && !verifySignature(key, encode(unsigned), sig.buf))
    throw new Rejection('bad_signature', "the signature is not of the repository's signing key");
  if (!car.matches(car.root))
    throw new Rejection('cid_mismatch', "the commit does not have its CID's content");
  return commit;
}

/**
 * A record as JSON text; links and bytes in the form that atproto gives them.
 * @throws Rejection 'cid_mismatch', or 'malformed_frame' for what is no record
 */
export function recordJson(car: Pick<CarBlocks, 'block' | 'matches'>, cid: CidKey, path: string): string {
  const bytes = car.block(cid);
  if (!car.matches(cid))
    throw new Rejection('cid_mismatch', `record ${path} does not have its CID's content`);
  let record: unknown;
  try {
    record = decode(bytes);
  } catch (cause) {
    throw new Rejection('malformed_frame', `record ${path} is not CBOR: ${(cause as Error).message}`, cause);
  }
  if (record === null || typeof record !== 'object' || Array.isArray(record))
    return malformed(`record ${path} is not a map`);
  return JSON.stringify(record); // links and bytes know their JSON form
}

/** Collection and record key by their characters; what isn't of this form the reference decides about. */
const pathForm = /^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._:~-]+$/;
const isPath = (path: unknown): path is string => typeof path === 'string' && pathForm.test(path);

const actions = new Set(['create', 'update', 'delete']);

/** Decoder on @atcute/cbor, libsecp256k1 and a synchronous walk over the CAR, in place of promises and pure JavaScript. */
export const fastDecoder: Decoder = {
  name: 'fast',

  open(bytes): OpenedFrame {
    const frame = parseFrame(bytes);
    const { body } = frame;
    const did = body.did ?? body.repo;
    return {
      type: frameType(frame),
      seq: Number.isSafeInteger(body.seq) ? (body.seq as number) : null,
      eventUs: eventMicroseconds(body.time),
      did: typeof did === 'string' ? did : null,
      body,
    };
  },

  commit({ body, did }, key): VerifiedCommit {
    if (did === null || !Array.isArray(body.ops)) return malformed('a commit without repo or ops');
    if (body.tooBig === true) throw new Rejection('too_big', 'the relay left the blocks out');
    const car = blocksOf(body);
    const commit = signedCommit(car, did, key);
    const root = cidKey(commit.data);
    const node = openTree(car);
    const ops = body.ops as Operation[];
    for (const { action, path } of ops)
      if (!isPath(path) || !actions.has(action))
        return malformed(`an operation '${String(action)}' on '${String(path)}'`);
    const proved = key === null ? null : provedLink(body, root, car);
    const operations = ops.map(({ action, path, cid: link }): RecordOperation => {
      const cid = action === 'delete' ? null : cidKey(link);
      if (key !== null && proved === null) {
        const found = lookUp(node, root, path);
        if (found !== cid)
          throw new Rejection(
            'bad_proof',
            `${action} of ${path}: the tree has ${found === null ? 'nothing' : cidText(found)} there`,
          );
      }
      const slash = path.indexOf('/');
      return {
        collection: path.slice(0, slash),
        rkey: path.slice(slash + 1),
        operation: action as RecordOperation['operation'],
        cid: cid === null ? null : cidText(cid),
        record: cid === null ? null : recordJson(car, cid, path),
      };
    });
    for (const cid of car.cids())
      if (!car.matches(cid))
        throw new Rejection('cid_mismatch', `block ${cidText(cid)} does not have its CID's content`);
    return {
      rev: commit.rev,
      operations,
      link: key === null ? null : (proved ?? chainLink(body, root, node)),
    };
  },

  sync({ body, did }, key): VerifiedSync {
    if (did === null) return malformed('a sync without did');
    const { rev, data } = signedCommit(blocksOf(body), did, key);
    return { rev, data: treeName(cidKey(data)) };
  },
};
