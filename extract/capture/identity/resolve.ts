import { getDidKeyFromMultibase, type DidDocument } from '@atproto/identity';
import { FetchFailure, fetchJson } from '../../../ops/fetch/index.ts';

export interface ResolveOptions {
  /** Where did:plc documents come from. */
  plcUrl: string;
  /** Tests reach did:web hosts on loopback, by http. */
  allowLoopback: boolean;
  /** Which of the document's keys: 'atproto' signs commits, 'atproto_label' labels. Default 'atproto'. */
  keyId?: 'atproto' | 'atproto_label';
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
}

const plcDid = /^did:plc:[a-z2-7]{24}$/;
// atproto knows host names only, no paths, and a port only in tests
const webDid = /^did:web:([a-zA-Z0-9.-]+)(?:%3A(\d+))?$/i;

/** Where a DID's document is. @throws FetchFailure for a DID that no method of atproto resolves. */
export function documentUrl(did: string, options: ResolveOptions): URL {
  if (plcDid.test(did)) return new URL(`${options.plcUrl.replace(/\/+$/, '')}/${did}`);
  const web = webDid.exec(did);
  if (web && (web[2] === undefined || options.allowLoopback)) {
    const host = web[2] === undefined ? web[1] : `${web[1]}:${web[2]}`;
    const scheme =
      options.allowLoopback && /^(localhost|127\.0\.0\.1)(:|$)/.test(host ?? '') ? 'http' : 'https';
    return new URL(`${scheme}://${host}/.well-known/did.json`);
  }
  throw new FetchFailure(`'${did}' is not a did:plc or a did:web of a host`, { transient: false });
}

/**
 * A DID's document, as its method gives it.
 * @throws FetchFailure, `transient` where asking again may help
 */
export async function fetchDidDocument(did: string, options: ResolveOptions): Promise<DidDocument> {
  const url = documentUrl(did, options);
  const publicOnly = !did.startsWith('did:plc:') && !options.allowLoopback;
  const document = (await fetchJson(url, {
    publicOnly,
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    signal: options.signal,
  })) as DidDocument | null;
  if (document === null || typeof document !== 'object' || document.id !== did)
    throw new FetchFailure(`the document of ${did} is of another`, { transient: false, status: 200 });
  return document;
}

/**
 * Key that a repository's commits are checked against, or a labeler's labels, as a did:key.
 * @throws FetchFailure, `transient` where asking again may help
 */
export async function resolveSigningKey(did: string, options: ResolveOptions): Promise<string> {
  return signingKeyOf(await fetchDidDocument(did, options), did, options.keyId ?? 'atproto');
}

/** @throws FetchFailure where a document has no such key, or one that is none */
export function signingKeyOf(
  document: DidDocument,
  did: string,
  keyId: 'atproto' | 'atproto_label' = 'atproto',
): string {
  let key: string | undefined;
  try {
    key = keyOf(document, did, keyId);
  } catch (cause) {
    throw new FetchFailure(`the signing key of ${did} is malformed`, {
      transient: false,
      status: 200,
      cause,
    });
  }
  if (key === undefined)
    throw new FetchFailure(`the document of ${did} has no key '${keyId}'`, {
      transient: false,
      status: 200,
    });
  return key;
}

function keyOf(document: DidDocument, did: string, keyId: string): string | undefined {
  const method = document.verificationMethod?.find(
    ({ id }) => id === `#${keyId}` || id === `${did}#${keyId}`,
  );
  if (method?.publicKeyMultibase === undefined) return undefined;
  return getDidKeyFromMultibase({ type: method.type, publicKeyMultibase: method.publicKeyMultibase });
}
