import { unauthorized } from '../errors.ts';

/** A service token whose form and claims are right; whether its issuer signed it is another question. */
export interface ServiceToken {
  iss: string;
  alg: 'ES256K' | 'ES256';
  jti: string | null;
  /** Seconds since 1970. */
  exp: number;
  /** What the signature covers. */
  signed: string;
  /** r and s, 64 bytes. */
  signature: Buffer;
}

export interface ExpectedClaims {
  /** Our DID; a token may name it bare or with `#bsky_fg`. */
  serviceDid: string;
  /** NSID of the method that is called. */
  lxm: string;
  nowMs: number;
}

const maxLength = 4096;
const clockSkewSeconds = 60;
const maxLifeSeconds = 3600; // what a PDS grants for a token that is bound to one method
const otherTypes = new Set(['at+jwt', 'refresh+jwt', 'dpop+jwt']); // tokens that mean something else
const base64url = /^[A-Za-z0-9_-]+$/;

function decode(part: string | undefined): Record<string, unknown> {
  try {
    if (part === undefined || !base64url.test(part)) throw new Error('not base64url');
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an object');
    return value as Record<string, unknown>;
  } catch {
    throw unauthorized('BadJwt', 'the token is not a JWT');
  }
}

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

/**
 * Reads a service token and checks all that can be checked without a key.
 * @throws XrpcError 401: BadJwt, BadJwtType, BadJwtSignature (an algorithm that accounts don't have), JwtExpired,
 *   BadJwtAudience, BadJwtLexiconMethod, BadJwtIss
 */
export function readToken(token: string, expected: ExpectedClaims): ServiceToken {
  const parts = token.length > maxLength ? [] : token.split('.');
  const [headerPart, payloadPart, signaturePart] = parts;
  if (parts.length !== 3) throw unauthorized('BadJwt', 'the token is not a JWT');
  const header = decode(headerPart);
  const payload = decode(payloadPart);
  const { alg, typ } = header;
  if (typeof typ === 'string' && otherTypes.has(typ.toLowerCase()))
    throw unauthorized('BadJwtType', `a token of type '${typ}' is not a service token`);
  if (header.crit !== undefined) throw unauthorized('BadJwt', 'the token asks for extensions');
  if (alg !== 'ES256K' && alg !== 'ES256')
    throw unauthorized('BadJwtSignature', 'the token is not signed with ES256K or ES256');
  const { iss, aud, exp, iat, nbf, jti, lxm } = payload;
  if (typeof iss !== 'string' || typeof aud !== 'string' || !isTime(exp))
    throw unauthorized('BadJwt', "the token lacks 'iss', 'aud' or 'exp'");
  const now = expected.nowMs / 1000;
  if (now > exp) throw unauthorized('JwtExpired', 'the token has expired');
  if (iat !== undefined && !isTime(iat)) throw unauthorized('BadJwt', "the token's 'iat' is not a time");
  if (isTime(iat) && iat > exp) throw unauthorized('BadJwt', 'the token expired before it was made');
  // From when it says that it was made, also where that is yet to come: then it is this machine's clock that is behind, and
  // participants are to have their feeds while somebody sets it. Who can sign can write any time there.
  if (exp > (iat ?? now) + maxLifeSeconds + clockSkewSeconds)
    throw unauthorized('BadJwt', 'the token is valid for longer than an hour');
  if (nbf !== undefined && (!isTime(nbf) || nbf > now + clockSkewSeconds))
    throw unauthorized('BadJwt', "the token's 'nbf' is not a time that has come");
  if (aud !== expected.serviceDid && aud !== `${expected.serviceDid}#bsky_fg`)
    throw unauthorized('BadJwtAudience', 'the token is for another service');
  if (lxm !== expected.lxm)
    throw unauthorized('BadJwtLexiconMethod', `the token is not for the method ${expected.lxm}`);
  if (!/^did:[a-z]+:[A-Za-z0-9._:%-]+$/.test(iss) || iss.length > 2048)
    throw unauthorized('BadJwtIss', "the token's issuer is not an account");
  if (jti !== undefined && (typeof jti !== 'string' || jti === '' || jti.length > 256))
    throw unauthorized('BadJwt', "the token's 'jti' is not a text of 1 to 256 characters");
  const signature = base64url.test(signaturePart ?? '')
    ? Buffer.from(signaturePart as string, 'base64url')
    : Buffer.alloc(0);
  if (signature.length !== 64) throw unauthorized('BadJwtSignature', 'the signature is not one of 64 bytes');
  return { iss, alg, jti: jti ?? null, exp, signed: `${headerPart}.${payloadPart}`, signature };
}
