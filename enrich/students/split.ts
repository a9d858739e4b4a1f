import { splitByHash } from './folds.ts';

export interface Dated {
  did: string;
  /** Microseconds UTC. */
  eventUs: number;
}

/** One author in five is never trained on, whoever trains and when: so a student's successor is judged on the same people. */
const authorParts = 5;
/** What is older than this share of the posts is trained on, what is newer measured on. */
const olderShare = 0.8;

/**
 * Splits by author and time: what is measured on was written later than everything that is trained on, by people of whom
 * nothing was. What is neither is left out.
 */
export function splitByAuthorAndTime<Row extends Dated>(
  rows: readonly Row[],
): { train: Row[]; heldOut: Row[] } {
  const times = rows.map(({ eventUs }) => eventUs).sort((a, b) => a - b);
  const cutoff = times[Math.floor(olderShare * times.length)] ?? 0;
  const isHeldOut = ({ did }: Row): boolean => splitByHash(`held out ${did}`, authorParts) === 0;
  return {
    train: rows.filter((row) => row.eventUs < cutoff && !isHeldOut(row)),
    heldOut: rows.filter((row) => row.eventUs >= cutoff && isHeldOut(row)),
  };
}
