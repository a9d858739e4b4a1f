import { describeError } from '../../ops/errors/index.ts';
import { studyErrors } from '../errors.ts';
import { FetchError, fetchDocument } from './fetch.ts';
import { isAccountDid, requireHandle } from './names.ts';

export interface ResolveOptions {
  plcUrl: string;
  allowLoopback: boolean;
  /** Default 3 s. */
  timeoutMs?: number;
}

const maxBytes = 64 << 10;

/**
 * DID document of an account, from the PLC directory or the host of a `did:web`.
 * @throws FetchError `missing` where there is none, `unreachable` where that can't be known
 */
export async function resolveDid(did: string, options: ResolveOptions): Promise<unknown> {
  const { plcUrl, allowLoopback, timeoutMs = 3_000 } = options;
  if (!isAccountDid(did, allowLoopback)) throw new FetchError('refused', 'not a DID of an account');
  if (did.startsWith('did:plc:'))
    return fetchDocument(new URL(`${plcUrl.replace(/\/+$/, '')}/${did}`), {
      timeoutMs,
      maxBytes,
      untrusted: false,
    });
  const host = decodeURIComponent(did.slice('did:web:'.length));
  const loopback = host === 'localhost' || host.startsWith('localhost:');
  const url = new URL(`${loopback ? 'http' : 'https'}://${host}/.well-known/did.json`);
  return fetchDocument(url, { timeoutMs, maxBytes, untrusted: !loopback });
}

/** Where handles are looked up unless another service is named. */
export const publicResolver = 'https://public.api.bsky.app';

/**
 * DID of a handle: asked from a service that resolves handles (an AppView or a PDS), then checked against the account's own
 * DID document, which must name the handle too.
 * @throws FeedtrialError FT_STUDY_HANDLE, FT_STUDY_HANDLE_UNRESOLVED
 */
export async function resolveHandle(
  handle: string,
  options: ResolveOptions & { resolverUrl?: string },
): Promise<string> {
  const name = requireHandle(handle);
  const { resolverUrl = publicResolver, timeoutMs = 3_000 } = options;
  const url = new URL('/xrpc/com.atproto.identity.resolveHandle', resolverUrl);
  url.searchParams.set('handle', name);
  try {
    const answer = (await fetchDocument(url, { timeoutMs, maxBytes, untrusted: false })) as {
      did?: unknown;
    } | null;
    const did = answer?.did;
    if (typeof did !== 'string' || !isAccountDid(did, options.allowLoopback))
      throw new Error('the answer names no account');
    const document = (await resolveDid(did, options)) as { alsoKnownAs?: unknown } | null;
    const names: unknown[] = Array.isArray(document?.alsoKnownAs) ? document.alsoKnownAs : [];
    if (!names.includes(`at://${name}`)) throw new Error("the account's document does not name this handle");
    return did;
  } catch (error) {
    throw studyErrors.handleUnresolved(name, describeError(error), error);
  }
}
