import { studyErrors } from '../errors.ts';

const plc = /^did:plc:[a-z2-7]{24}$/;
const web =
  /^did:web:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\.[a-z][a-z0-9-]*$/;
const loopbackWeb = /^did:web:localhost(%3A\d{1,5})?$/;
const handlePattern = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whether a text is a DID of a kind that accounts have; `did:web:localhost` only where loopback is allowed. */
export function isAccountDid(did: string, allowLoopback = false): boolean {
  return (
    did.length <= 2048 &&
    (plc.test(did) || (web.test(did) && did.length <= 261) || (allowLoopback && loopbackWeb.test(did)))
  );
}

/** @throws FeedtrialError FT_STUDY_DID */
export function requireAccountDid(did: string, allowLoopback: boolean): string {
  if (!isAccountDid(did, allowLoopback)) throw studyErrors.badDid(did.slice(0, 120));
  return did;
}

/** A handle in its normal form: lower case, without '@'. @throws FeedtrialError FT_STUDY_HANDLE */
export function requireHandle(handle: string): string {
  const normal = handle.trim().replace(/^@/, '').toLowerCase();
  if (normal.length > 253 || !handlePattern.test(normal)) throw studyErrors.badHandle(handle.slice(0, 120));
  return normal;
}

/** A DID as it may be shown: enough to recognise, not enough to look up. */
export function maskDid(did: string): string {
  const method = did.split(':', 2).join(':');
  const id = did.slice(method.length + 1);
  return `${method}:${id.slice(0, 2)}…${id.slice(-2)}`;
}
