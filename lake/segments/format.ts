/**
 * A segment is an append-only file of JSON lines on a local disk, written by one process and read by landing.
 *
 *   <spool>/<stream>/<id>.open        being written (or left by a process that died)
 *   <spool>/<stream>/<id>.ndjson      sealed: will never change again
 *   <spool>/<stream>/<id>.seal.json   what the sealed file holds; its presence is the seal
 *
 * Ids sort by time of opening. A line is durable once `sync()` that followed it has returned. After a crash the open
 * file may end in half a line: recovery cuts it at the last newline and seals it.
 */
export interface Seal {
  id: string;
  stream: string;
  /** Which SQL lands it, such as 'firehose/1'. */
  format: string;
  lines: number;
  bytes: number;
  /** sha256 of the sealed file, hex. */
  sha256: string;
  /** Cursor after the last line, as the source counts (seq, or microseconds for Jetstream); null if it has none. */
  cursor: number | null;
  openedMs: number;
  sealedMs: number;
  /** True if it was sealed by recovery after a crash. */
  recovered: boolean;
}

export interface SealedSegment extends Seal {
  /** Absolute file name of the `.ndjson`. */
  file: string;
}

export const openSuffix = '.open';
export const dataSuffix = '.ndjson';
export const sealSuffix = '.seal.json';
