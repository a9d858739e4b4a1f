import { hash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { writeDurably } from '../../lake/index.ts';

/**
 * A job is one request that may take several runs: the same request after a kill goes on with what is left, and after its end begins
 * anew. All that is kept is when it began; what is done is told by the outcomes since.
 */
export interface Job {
  startedUs: number;
  /** Whether an earlier run of it didn't come to its end. */
  resumed: boolean;
  /** What an earlier run left for this one. */
  kept: Record<string, string>;
  /** Adds to that, durably. */
  keep(more: Record<string, string>): void;
  end(): void;
}

/**
 * @param request what tells it from others, such as its kind and DIDs
 * @param keep what the first run of the job wants the later ones to know
 */
export function openJob(
  spool: string,
  request: unknown,
  nowUs: number,
  keep: () => Record<string, string> = () => ({}),
): Job {
  const folder = path.join(spool, '_backfill');
  const file = path.join(folder, `${hash('sha256', JSON.stringify(request)).slice(0, 24)}.json`);
  fs.mkdirSync(folder, { recursive: true });
  const open = (startedUs: number, kept: Record<string, string>, resumed: boolean): Job => ({
    startedUs,
    kept,
    resumed,
    keep(more) {
      Object.assign(kept, more);
      writeDurably(file, JSON.stringify({ startedUs, kept }));
    },
    end: () => fs.rmSync(file, { force: true }),
  });
  try {
    const { startedUs, kept } = JSON.parse(fs.readFileSync(file, 'utf8')) as Pick<Job, 'startedUs' | 'kept'>;
    return open(startedUs, kept, true);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const kept = keep();
  writeDurably(file, JSON.stringify({ startedUs: nowUs, kept }));
  return open(nowUs, kept, false);
}
