import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { cidKey, Rejection, signedCommit, type CidKey, type PackedKey } from '../../capture/index.ts';
import type { RepositoryBlocks } from './read-car.ts';
import { walkTree } from './walk.ts';

export interface VerifiedRepository {
  did: string;
  /** Revision of its last commit, a TID. */
  rev: string;
  /** Root of its tree. */
  data: CidKey;
  records: number;
  /** Whether the signature was checked. */
  signed: boolean;
}

/** How many records are gone through before others get their turn; some 10 ms. */
export const recordsAtATime = 2_000;

/**
 * Checks a repository whose blocks are all there: the commit's signature, the whole tree, and that every record it names has a
 * block. Nothing of it may be written before this has returned.
 * @param did whose it must be
 * @param key null where the signing key isn't known: then nobody has signed for what it holds
 * @throws Rejection
 */
export async function verifyRepository(
  blocks: RepositoryBlocks,
  did: string,
  key: PackedKey | null,
): Promise<VerifiedRepository> {
  const commit = signedCommit(blocks, did, key);
  const data = cidKey(commit.data);
  let records = 0;
  for (const { path, cid } of walkTree(blocks, data)) {
    if (!blocks.has(cid)) throw new Rejection('missing_block', `record ${path} is not in the CAR`);
    if (++records % recordsAtATime === 0) await yieldToOthers();
  }
  return { did, rev: commit.rev, data, records, signed: key !== null };
}
