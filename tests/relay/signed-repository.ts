import { BytesWrapper, CidLinkWrapper } from '@atcute/cbor';
import { Secp256k1Keypair } from '@atproto/crypto';
import { blocksToCarFile, MemoryBlockstore, Repo, WriteOpAction, type RecordWriteOp } from '@atproto/repo';
import { encodeFrame } from '../../extract/capture/index.ts';

type Cid = Repo['cid'];

export interface SignedRepository {
  did: string;
  /** For the PLC double. */
  document: Record<string, unknown>;
  /** A #commit frame with one operation, signed, with proofs, as a server of Sync 1.1 sends it. */
  commit(seq: number, write: { rkey: string; text: string | null }): Promise<Buffer>;
  /** A #sync frame of what it is now. */
  sync(seq: number): Promise<Buffer>;
}

const link = (cid: Cid): CidLinkWrapper => new CidLinkWrapper(Uint8Array.from(cid.bytes));
const collection = 'app.bsky.feed.post';
const timeOf = (seq: number): string => new Date(1_783_175_900_000 + seq).toISOString();

/** A repository of posts that the reference's library keeps and signs; posts are written, changed and deleted one by one. */
export async function signedRepository(did: string): Promise<SignedRepository> {
  const key = await Secp256k1Keypair.create();
  const storage = new MemoryBlockstore();
  let repo = await Repo.create(storage, did, key);
  return {
    did,
    document: {
      '@context': ['https://www.w3.org/ns/did/v1'],
      id: did,
      verificationMethod: [
        {
          id: `${did}#atproto`,
          type: 'Multikey',
          controller: did,
          publicKeyMultibase: key.did().slice('did:key:'.length),
        },
      ],
    },
    async commit(seq, { rkey, text }) {
      const before = repo.commit;
      const prev = await repo.data.get(`${collection}/${rkey}`);
      const record = { $type: collection, text, createdAt: timeOf(seq) };
      const action =
        text === null ? WriteOpAction.Delete : prev === null ? WriteOpAction.Create : WriteOpAction.Update;
      const write = { action, collection, rkey, ...(text === null ? {} : { record }) } as RecordWriteOp;
      const data = await repo.formatCommit(write, key);
      repo = await repo.applyCommit(data);
      const cid = await repo.data.get(`${collection}/${rkey}`);
      const blocks = data.relevantBlocks;
      blocks.addMap(data.newBlocks);
      return Buffer.from(
        encodeFrame({
          header: { op: 1, t: '#commit' },
          body: {
            seq,
            repo: did,
            time: timeOf(seq),
            rev: data.rev,
            since: data.since,
            commit: link(data.cid),
            prevData: link(before.data),
            ops: [
              {
                action,
                path: `${collection}/${rkey}`,
                cid: cid === null ? null : link(cid),
                ...(prev === null ? {} : { prev: link(prev) }),
              },
            ],
            blocks: new BytesWrapper(await blocksToCarFile(data.cid, blocks)),
            blobs: [],
            rebase: false,
            tooBig: false,
          },
        }),
      );
    },
    async sync(seq) {
      const { blocks } = await storage.getBlocks([repo.cid]);
      return Buffer.from(
        encodeFrame({
          header: { op: 1, t: '#sync' },
          body: {
            seq,
            did,
            time: timeOf(seq),
            rev: repo.commit.rev,
            blocks: new BytesWrapper(await blocksToCarFile(repo.cid, blocks)),
          },
        }),
      );
    },
  };
}
