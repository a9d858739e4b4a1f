import fs from 'node:fs';
import path from 'node:path';
import { backfillFormat, backfillStream, groupEnd } from './lines.ts';
import { recoverSegments } from '../../../lake/index.ts';

const ending = Buffer.from(groupEnd);
const newline = 0x0a;

/** Length of a segment up to the end of its last whole group. Lines are read one after the other, never the file at once. */
function wholeGroups(file: string): number {
  const fd = fs.openSync(file, 'r');
  try {
    const chunk = Buffer.allocUnsafe(1 << 20);
    let whole = 0;
    let at = 0; // of the chunk in the file
    let begins = true; // whether the next byte begins a line
    let head = Buffer.alloc(0); // the first bytes of the line that is being read
    for (let read = fs.readSync(fd, chunk); read > 0; read = fs.readSync(fd, chunk)) {
      for (let start = 0; start < read;) {
        const end = chunk.subarray(0, read).indexOf(newline, start);
        const stop = end === -1 ? read : end;
        if (begins) head = Buffer.alloc(0);
        if (head.length < ending.length)
          head = Buffer.concat([
            head,
            chunk.subarray(start, Math.min(stop, start + ending.length - head.length)),
          ]);
        begins = end !== -1;
        if (end !== -1 && head.equals(ending)) whole = at + end + 1;
        start = stop + (end === -1 ? 0 : 1);
      }
      at += read;
    }
    return whole;
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Takes out what a killed backfill left half written, a group of which the end is missing, and seals the rest. Call it only
 * while no other backfill writes to the spool.
 * @returns how many segments were recovered
 */
export function recoverBackfill(spool: string, now: () => number): number {
  const folder = path.join(spool, backfillStream);
  if (!fs.existsSync(folder)) return 0;
  const names = fs.readdirSync(folder);
  for (const name of names) {
    const sealed = name.endsWith('.ndjson') && names.includes(name.replace('.ndjson', '.seal.json'));
    if (sealed || !/\.(open|ndjson)$/.test(name)) continue;
    const file = path.join(folder, name);
    fs.truncateSync(file, wholeGroups(file));
  }
  return recoverSegments({
    spool,
    stream: backfillStream,
    format: backfillFormat,
    cursorOf: () => null,
    now,
  }).length;
}
