import fs from 'node:fs';
import path from 'node:path';
import { dataSuffix, sealSuffix } from './format.ts';
import { readSeals } from './recover.ts';

/**
 * Removes seals of a stream whose data was landed. The newest stay, and so does the newest that has a cursor: capture
 * goes on from there.
 * @returns how many it removed
 */
export function pruneSeals(spool: string, stream: string, keep = 32): number {
  const seals = readSeals(spool, stream);
  const withCursor = seals.findLast((seal) => seal.cursor !== null)?.id;
  const old = seals.slice(0, Math.max(0, seals.length - keep)).filter(({ id }) => id !== withCursor);
  let removed = 0;
  for (const { id } of old) {
    const base = path.join(spool, stream, id);
    if (fs.existsSync(base + dataSuffix)) continue; // waits to be landed
    fs.rmSync(base + sealSuffix, { force: true });
    removed++;
  }
  return removed;
}
