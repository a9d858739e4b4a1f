import { encode, type BytesWrapper } from '@atcute/cbor';
import { eventMicroseconds } from '../firehose/event-time.ts';
import { verifySignature, type PackedKey } from '../firehose/signature.ts';
import { Rejection } from '../rejection.ts';

/** A label as com.atproto.label.defs#label has it. */
export interface Label {
  src: string;
  uri: string;
  cid: string | null;
  val: string;
  neg: boolean;
  ctsUs: number;
  expUs: number | null;
}

/** @throws Rejection 'malformed_frame' for what is no label */
export function readLabel(given: unknown): Label {
  const fail = (what: string): never => {
    throw new Rejection('malformed_frame', `a label ${what}`);
  };
  if (given === null || typeof given !== 'object') return fail('that is no map');
  const { src, uri, cid, val, neg, cts, exp } = given as Record<string, unknown>;
  if (typeof src !== 'string' || !src.startsWith('did:')) return fail('without the DID of its labeler');
  if (typeof uri !== 'string' || uri === '') return fail('without a subject');
  if (typeof val !== 'string' || val === '') return fail('without a value');
  if (cid !== undefined && cid !== null && typeof cid !== 'string') return fail('with a cid that is no text');
  if (neg !== undefined && typeof neg !== 'boolean') return fail('whose neg is no boolean');
  const ctsUs = eventMicroseconds(cts);
  const expUs = exp === undefined || exp === null ? null : eventMicroseconds(exp);
  if (ctsUs === null) return fail(`made at '${String(cts)}'`);
  if (exp !== undefined && exp !== null && expUs === null)
    return fail(`that expires at '${JSON.stringify(exp)}'`);
  const text = typeof cid === 'string' && cid !== '' ? cid : null;
  return { src, uri, cid: text, val, neg: neg === true, ctsUs, expUs };
}

/**
 * True if the labeler's `#atproto_label` key signed the label: its DAG-CBOR without `sig`. Some servers send a `neg` of
 * false that they didn't sign.
 */
export function isSigned(label: Record<string, unknown>, key: PackedKey): boolean {
  const signature = (label.sig as BytesWrapper | undefined)?.buf;
  if (!(signature instanceof Uint8Array)) return false;
  const unsigned = { ...label };
  delete unsigned.sig;
  delete unsigned.$type;
  if (verifySignature(key, encode(unsigned), signature)) return true;
  if (unsigned.neg !== false) return false;
  delete unsigned.neg;
  return verifySignature(key, encode(unsigned), signature);
}
