import { decode, decodeFirst, encode } from '@atcute/cbor';
import { Rejection } from '../rejection.ts';

/** Header of an event stream frame: `op` 1 is a message of type `t`, `op` -1 an error. */
export interface FrameHeader {
  op: number;
  t?: string;
}

export interface Frame {
  header: FrameHeader;
  body: Record<string, unknown>;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/**
 * Splits a frame into its header and its body, both DAG-CBOR. Bytes and links of the body stay views into `bytes`.
 * @throws Rejection 'malformed_frame' for anything that is not two CBOR maps, the first with an `op` that there is.
 */
export function parseFrame(bytes: Uint8Array): Frame {
  let header: unknown;
  let body: unknown;
  try {
    const [first, rest] = decodeFirst(bytes) as [unknown, Uint8Array];
    header = first;
    body = decode(rest);
  } catch (cause) {
    throw new Rejection('malformed_frame', `not two CBOR values: ${(cause as Error).message}`, cause);
  }
  if (!isMap(header) || (header.op !== 1 && header.op !== -1) || !isMap(body))
    throw new Rejection('malformed_frame', 'not a map with an op of 1 or -1, followed by a map');
  return { header: header as unknown as FrameHeader, body };
}

/** The frame's bytes: DAG-CBOR is canonical, so what was parsed and not changed comes out as it went in. */
export function encodeFrame(frame: Frame): Uint8Array {
  return Buffer.concat([encode(frame.header), encode(frame.body)]);
}

/**
 * The same frame with another witness time or place in the stream. Neither is signed: commits verify as before.
 * @param changes `time` as an ISO datetime; `seq` as an integer
 * @example restampFrame(frame, { time: '2026-01-01T00:00:00.000Z' })
 */
export function restampFrame(frame: Uint8Array, changes: { time?: string; seq?: number }): Uint8Array {
  const { header, body } = parseFrame(frame);
  return encodeFrame({ header, body: { ...body, ...changes } });
}

/** Frame types that `com.atproto.sync.subscribeRepos` sends, without the leading '#'. */
export const frameType = ({ header }: Frame): string =>
  header.op === -1 ? 'error' : (header.t ?? '').replace(/^.*#/, '');
