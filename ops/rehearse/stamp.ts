const timeKey = Buffer.from('\x64time\x78\x18', 'latin1'); // the key, then a text of 24 bytes follows
const seqKey = Buffer.from('\x63seq\x1b', 'latin1'); // the key, then an integer of 8 bytes follows

/**
 * Writes another witness time into a frame, where it stands: nothing else of the frame moves, and the time is not signed.
 * @param iso 24 characters, such as '2026-07-04T12:00:00.000Z'
 * @returns false if the frame has no time of that length
 */
export function stampTime(frame: Buffer, iso: string): boolean {
  const at = frame.indexOf(timeKey);
  if (at === -1 || iso.length !== 24) return false;
  frame.write(iso, at + timeKey.length, 'latin1');
  return true;
}

/** Writes another sequence number into a frame whose own needs more than 32 bits, as `stampTime` does. */
export function stampSeq(frame: Buffer, seq: number): boolean {
  const at = frame.indexOf(seqKey);
  if (at === -1 || seq < 2 ** 32) return false;
  frame.writeBigUInt64BE(BigInt(seq), at + seqKey.length);
  return true;
}
