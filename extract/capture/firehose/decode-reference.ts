import { lexToJson } from '@atproto/api';
import type { IdResolver } from '@atproto/identity';
import { readCarWithRoot, verifyProofs, type BlockMap } from '@atproto/repo';
import { parseCommitAuthenticated, parseCommitUnauthenticated } from '@atproto/sync';
import { ErrorFrame, Frame, MessageFrame } from '@atproto/xrpc-server';
import { Rejection, type RejectedReason } from '../rejection.ts';
import { cidKey, openCar, type CidKey } from './car.ts';
import { chainLink, treeName } from './chain-link.ts';
import type { Decoder, OpenedFrame, RecordOperation, VerifiedCommit, VerifiedSync } from './decoder.ts';
import { eventMicroseconds } from './event-time.ts';
import { openTree } from './mst.ts';

type CommitEvent = Parameters<typeof parseCommitAuthenticated>[1];

/** What the reference's error says, in our words. Its errors have no codes. */
function reasonOf(error: unknown): RejectedReason {
  const text = error instanceof Error ? `${error.name} ${error.message}` : String(error);
  if (/Invalid signature|Invalid repo did/.test(text)) return 'bad_signature';
  if (/Not a valid CID for bytes/.test(text)) return 'cid_mismatch';
  if (/missing .*block|MissingBlock/i.test(text)) return 'missing_block';
  if (/unexpected object at|Not a valid MST key/.test(text)) return 'bad_proof';
  return 'malformed_frame';
}

const rejected = (error: unknown): Rejection =>
  error instanceof Rejection
    ? error
    : new Rejection(reasonOf(error), error instanceof Error ? error.message : String(error), error);

/** The one key that the caller resolved: refreshing it is the caller's business too. */
const resolverOf = (didKey: string): IdResolver =>
  ({ did: { resolveAtprotoKey: async () => didKey } }) as unknown as IdResolver;

const rootCommit = async (blocks: Uint8Array): Promise<{ rev: string; data: CidKey }> => {
  const { cborToLexRecord } = await import('@atproto/repo');
  const car: { root: Parameters<BlockMap['get']>[0]; blocks: BlockMap } = await readCarWithRoot(blocks);
  const bytes = car.blocks.get(car.root);
  if (!bytes) throw new Rejection('missing_block', 'no commit block');
  const { rev, data } = cborToLexRecord(bytes);
  if (typeof rev !== 'string') throw new Rejection('malformed_frame', 'the commit has no rev');
  return { rev, data: cidKey(data as never) };
};

/** Decoder that is nothing but @atproto/sync's own parser, slow and trusted: what it takes is taken. */
export const referenceDecoder: Decoder = {
  name: 'reference',

  open(bytes): OpenedFrame {
    let frame: Frame;
    try {
      frame = Frame.fromBytes(bytes);
    } catch (error) {
      throw rejected(error);
    }
    const body = frame.body as Record<string, unknown>;
    const did = body.did ?? body.repo;
    return {
      type:
        frame instanceof ErrorFrame
          ? 'error'
          : ((frame as MessageFrame<never>).type ?? '').replace(/^.*#/, ''),
      seq: Number.isSafeInteger(body.seq) ? (body.seq as number) : null,
      eventUs: eventMicroseconds(body.time),
      did: typeof did === 'string' ? did : null,
      body,
    };
  },

  async commit({ body, did }, _key, didKey): Promise<VerifiedCommit> {
    if (did === null || !Array.isArray(body.ops))
      throw new Rejection('malformed_frame', 'a commit without repo or ops');
    if (body.tooBig === true) throw new Rejection('too_big', 'the relay left the blocks out');
    const event = { $type: 'com.atproto.sync.subscribeRepos#commit', ...body } as unknown as CommitEvent;
    try {
      const taken =
        didKey === null
          ? await parseCommitUnauthenticated(event)
          : await parseCommitAuthenticated(resolverOf(didKey), event);
      if (didKey !== null && event.ops.length === 0) await verifyProofs(event.blocks, [], did, didKey); // it looks at no signature where there is no operation
      // it leaves out, without a word, what it could not prove
      if (taken.length !== event.ops.length)
        throw new Rejection('bad_proof', `${event.ops.length - taken.length} operations are not proved`);
      const operations = taken.map((op): RecordOperation => {
        if (op.event === 'delete')
          return { collection: op.collection, rkey: op.rkey, operation: 'delete', cid: null, record: null };
        return {
          collection: op.collection,
          rkey: op.rkey,
          operation: op.event,
          cid: op.cid.toString(),
          record: JSON.stringify(lexToJson(op.record)),
        };
      });
      const { rev, data } = await rootCommit(event.blocks);
      // the reference doesn't undo operations; what comes before its commit is asked of the same tree
      const link = didKey === null ? null : chainLink(body, data, openTree(openCar(event.blocks)));
      return { rev, operations, link };
    } catch (error) {
      throw rejected(error);
    }
  },

  async sync({ body, did }, _key, didKey): Promise<VerifiedSync> {
    if (did === null) throw new Rejection('malformed_frame', 'a sync without did');
    try {
      if (didKey !== null) await verifyProofs(body.blocks as Uint8Array, [], did, didKey);
      const { rev, data } = await rootCommit(body.blocks as Uint8Array);
      return { rev, data: treeName(data) };
    } catch (error) {
      throw rejected(error);
    }
  },
};
