import { getKey, type DidDocument } from '@atproto/identity';
import { packDidKey, type KeyAnswer } from '../../../extract/capture/index.ts';
import { realDidDocuments } from '../../data.ts';

/** Keys of the accounts in the real frames, as the directory would answer. */
export function realKeys(): Map<string, KeyAnswer> {
  const keys = new Map<string, KeyAnswer>();
  for (const [did, document] of Object.entries(realDidDocuments())) {
    const didKey = getKey(document as unknown as DidDocument) as string;
    keys.set(did, { key: packDidKey(didKey), didKey, error: null });
  }
  return keys;
}
