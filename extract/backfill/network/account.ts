import { getPds, type DidDocument } from '@atproto/identity';
import { fetchDidDocument, packDidKey, signingKeyOf, type PackedKey } from '../../capture/index.ts';
import { FetchFailure } from '../../../ops/fetch/index.ts';
import { Failure } from '../failure.ts';

/** Where a repository is and who signs for it, as the DID document says. */
export interface Account {
  did: string;
  pds: URL;
  didKey: string;
  key: PackedKey;
}

export interface ResolveAccountOptions {
  plcUrl: string;
  allowLoopback: boolean;
  signal: AbortSignal;
}

const didSyntax = /^did:(plc:[a-z2-7]{24}|web:[a-zA-Z0-9.-]+(%3A\d+)?)$/;

/** @throws Failure, coded for what the directory or the host says */
async function documentOf(did: string, options: ResolveAccountOptions): Promise<DidDocument> {
  if (!didSyntax.test(did))
    throw new Failure('did_invalid', `'${did}' is not a did:plc or a did:web of a host`, {
      transient: false,
    });
  try {
    return await fetchDidDocument(did, options);
  } catch (cause) {
    if (!(cause instanceof FetchFailure)) throw cause;
    if (did.startsWith('did:plc:') && cause.status === 410)
      throw new Failure('did_tombstoned', `${did} was given up by its owner`, { transient: false, cause });
    if (did.startsWith('did:plc:') && cause.status === 404)
      throw new Failure('did_not_found', `the directory doesn't know ${did}`, { transient: false, cause });
    const reason = cause.problem === 'private_address' ? 'private_address' : 'did_unresolved';
    throw new Failure(reason, cause.message, { transient: cause.transient, cause });
  }
}

/**
 * Looks a DID up: always afresh, since accounts move between servers.
 * @throws Failure
 */
export async function resolveAccount(did: string, options: ResolveAccountOptions): Promise<Account> {
  const document = await documentOf(did, options);
  const endpoint = getPds(document);
  if (endpoint === undefined || !URL.canParse(endpoint))
    throw new Failure('no_pds', `the document of ${did} names no server for its repository`, {
      transient: false,
    });
  let didKey: string;
  let key: PackedKey;
  try {
    didKey = signingKeyOf(document, did);
    key = packDidKey(didKey);
  } catch (cause) {
    throw new Failure('no_signing_key', (cause as Error).message, { transient: false, cause });
  }
  return { did, pds: new URL(endpoint), didKey, key };
}
