import type { Member, Membership } from '../../study/index.ts';
import { unauthorized } from '../errors.ts';
import { readToken } from './claims.ts';
import type { Keys } from './keys.ts';
import type { Replays } from './replays.ts';
import { isSignedBy } from './signature.ts';

/** Why a reader gets the default feed. */
export type ReaderFallback = 'anonymous' | 'not_a_participant' | 'withdrawn' | 'resolver_down';

/** Who asks. */
export interface Reader {
  /** The participant whose signature was checked; null for everyone else, also for who only claims to be one. */
  member: Member | null;
  /** Null where `member` isn't: their own feed is due. */
  fallback: ReaderFallback | null;
  /** Token's id; null where it has none or there is no token. */
  jti: string | null;
  jtiReused: boolean;
}

export interface IdentifyOptions {
  serviceDid: string;
  membership: Membership;
  keys: Keys;
  replays: Replays;
  now: () => number;
}

/**
 * Finds out who asks, by the `authorization` header and the method that is called. Only participants' keys are ever looked
 * up: for other accounts the claims are checked and the signature is not, since it changes nothing of what they get.
 * @throws XrpcError 401 for a token that is not good
 */
export async function identify(
  authorization: string | undefined,
  lxm: string,
  options: IdentifyOptions,
): Promise<Reader> {
  const { serviceDid, membership, keys, replays, now } = options;
  if (authorization === undefined || authorization === '')
    return { member: null, fallback: 'anonymous', jti: null, jtiReused: false };
  const bearer = /^bearer +(\S+) *$/i.exec(authorization);
  if (bearer === null) throw unauthorized('BadJwt', 'the authorization is not a bearer token');
  const token = readToken(bearer[1] as string, { serviceDid, lxm, nowMs: now() });
  const { jti } = token;
  const member = await membership.find(token.iss);
  if (member === undefined || member.status === 'withdrawn') {
    const fallback = member === undefined ? 'not_a_participant' : 'withdrawn';
    return { member: null, fallback, jti, jtiReused: false };
  }
  // Anyone can write this account's DID into a token: without its key nothing may be done or written down in its name. Nor
  // is the token noted as used, only whether it was.
  const unchecked = (): Reader => ({
    member: null,
    fallback: 'resolver_down',
    jti,
    jtiReused: jti !== null && replays.known(token.iss, jti),
  });
  const known = keys.get(token.iss);
  let waited = known instanceof Promise;
  let answer = await known;
  if (answer.kind === 'down') return unchecked();
  if (answer.kind === 'none' || !isSignedBy(token, answer.key)) {
    waited = true;
    answer = await keys.refresh(token.iss); // the account may have changed its key
    if (answer.kind === 'down') return unchecked();
    if (answer.kind === 'none')
      throw unauthorized('BadJwtSignature', "the issuer's DID document has no signing key");
    if (!isSignedBy(token, answer.key))
      throw unauthorized('BadJwtSignature', "the signature is not the issuer's");
  }
  const jtiReused = jti !== null && replays.seen(token.iss, jti, token.exp);
  if (!waited) return { member, fallback: null, jti, jtiReused };
  // They may have withdrawn while the key was looked up.
  const still = await membership.find(token.iss);
  if (still === undefined || still.status === 'withdrawn')
    return { member: null, fallback: still ? 'withdrawn' : 'not_a_participant', jti, jtiReused };
  return { member: still, fallback: null, jti, jtiReused };
}
