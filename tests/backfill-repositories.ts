import { Secp256k1Keypair } from '@atproto/crypto';
import { MemoryBlockstore, Repo, WriteOpAction, blocksToCarFile, type BlockMap } from '@atproto/repo';
import { tidOf } from './network/populate.ts';

export interface MadeRepository {
  did: string;
  /** did:key of who signed it. */
  signingKey: string;
  keypair: Secp256k1Keypair;
  rev: string;
  car: Buffer;
  /** path -> CID as text. */
  records: Map<string, string>;
  blocks: BlockMap;
  repo: Repo;
}

export const madeDid = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa';

/** A repository of posts and likes made and signed by @atproto/repo, exported as a server exports it. */
export async function makeRepository(
  records: number,
  {
    did = madeDid,
    keypair,
    textLength = 0,
  }: { did?: string; keypair?: Secp256k1Keypair; textLength?: number } = {},
): Promise<MadeRepository> {
  const key = keypair ?? (await Secp256k1Keypair.create({ exportable: true }));
  const storage = new MemoryBlockstore();
  const startUs = Date.UTC(2025, 0, 1) * 1000;
  const writes = Array.from({ length: records }, (_, i) => {
    const collection = i % 3 === 0 ? 'app.bsky.feed.post' : 'app.bsky.feed.like';
    const createdAt = new Date(startUs / 1000 + i * 1_000).toISOString();
    const subject = {
      uri: `at://did:plc:bbbbbbbbbbbbbbbbbbbbbbbb/app.bsky.feed.post/${tidOf(startUs + i)}`,
      cid: 'bafyreib2rxk3rybk3aobmv5cjuql3bm2twh4jo5uxgf5kpqcsgz7soitae',
    };
    const record =
      i % 3 === 0
        ? {
            $type: collection,
            text: `Post ${i} of a made repository, äöü 🙂`.padEnd(textLength, '.'),
            langs: ['en'],
            createdAt,
          }
        : { $type: collection, subject, createdAt };
    return {
      action: WriteOpAction.Create,
      collection,
      rkey: tidOf(startUs + i * 1_000_000),
      record,
    } as const;
  });
  const repo = await Repo.create(storage, did, key, writes);
  const blocks = (await storage.getBlocks([...storage.blocks.cids()])).blocks;
  const made = new Map<string, string>();
  for (const leaf of await repo.data.list()) made.set(leaf.key, leaf.value.toString());
  return {
    did,
    signingKey: key.did(),
    keypair: key,
    rev: repo.commit.rev,
    car: Buffer.from(await blocksToCarFile(repo.cid, blocks)),
    records: made,
    blocks,
    repo,
  };
}
