/** Capture: what a stream of the network says, verified, into the spool. */
export {
  capture,
  captureSources,
  type CaptureOptions,
  type CaptureSource,
  type CaptureSummary,
} from './capture.ts';
/** Frames of com.atproto.sync.subscribeRepos, for whoever relays or makes them. */
export {
  encodeFrame,
  frameType,
  parseFrame,
  restampFrame,
  type Frame,
  type FrameHeader,
} from './firehose/frame.ts';
export { eventMicroseconds } from './firehose/event-time.ts';
export { collectionFilter, isCollectionPattern, type CollectionFilter } from './firehose/collections.ts';
/** Repositories: blocks of a CAR, the commit that signs them, the tree that orders them. */
export {
  carRoot,
  checkCid,
  cidKey,
  cidLength,
  cidText,
  openCar,
  varint,
  type CarBlocks,
  type CidKey,
} from './firehose/car.ts';
export { recordJson, signedCommit, type SignedCommit } from './firehose/decode-fast.ts';
export { lookUp, openTree, parseNode, type MstNode } from './firehose/mst.ts';
export { Rejection, type RejectedReason } from './rejection.ts';
/** Signing keys and signatures of repositories. */
export { packDidKey, verifySignature, type PackedKey } from './firehose/signature.ts';
export {
  documentUrl,
  fetchDidDocument,
  resolveSigningKey,
  signingKeyOf,
  type ResolveOptions,
} from './identity/resolve.ts';
export {
  openSigningKeys,
  type KeyAnswer,
  type SigningKeys,
  type SigningKeysOptions,
} from './identity/keys.ts';
/** Spool lines, for landing and status. */
export {
  firehoseFormat,
  jetstreamFormat,
  moderationFormat,
  firehoseCursorOf,
  type GapStatement,
} from './spool/lines.ts';
/** Streams, for whoever follows a stretch of one. */
export { jetstreamCursorOf } from './jetstream/event.ts';
export { openJetstreamSource } from './jetstream/source.ts';
export type { Source } from './stream/source.ts';
export { openSpool, type Spool } from './spool/open.ts';
export { backoffMs } from './stream/backoff.ts';
export { connect, streamUrl, type Connection } from './stream/connection.ts';
