import fs from 'node:fs';
import path from 'node:path';

export type SpooledRow = Record<string, unknown> & { t: string; seq: number | null };

/** All whole lines of a stream's segments, sealed or not, in the order in which they were written. */
export function spooledLines(spool: string, stream: string): string[] {
  const folder = path.join(spool, stream);
  if (!fs.existsSync(folder)) return [];
  try {
    return fs
      .readdirSync(folder)
      .filter((name) => name.endsWith('.ndjson') || name.endsWith('.open'))
      .sort()
      .flatMap((name) => fs.readFileSync(path.join(folder, name), 'utf8').split('\n').slice(0, -1));
  } catch (error) {
    // sealed, and so renamed, by a living capture since the folder was read
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return spooledLines(spool, stream);
    throw error;
  }
}

export const spooledRows = (spool: string, stream = 'firehose'): SpooledRow[] =>
  spooledLines(spool, stream).map((line) => JSON.parse(line) as SpooledRow);
