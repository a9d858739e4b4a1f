import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { listSealed, readTable, sqlText, tables, type Engine, type Lake } from '../../../lake/index.ts';
import { backfillStream, groupEnd, type Outcome, type QuestionKind } from './lines.ts';

/** What was found out earlier, as far as whoever asks again needs it. */
export interface Earlier extends Pick<Outcome, 'outcome' | 'reason' | 'rev' | 'verified' | 'collections'> {
  /** Microseconds UTC. */
  endedUs: number;
}

interface Row {
  did: string | null;
  uri: string | null;
  outcome: string;
  reason: string | null;
  rev: string | null;
  verified: boolean | null;
  collections: string | null;
  event_us: number | bigint;
}

/** What tells questions of a kind apart. */
export const keyOf = ({ did, uri }: { did: string | null; uri: string | null }): string => uri ?? did ?? '';

async function* spooled(spool: string, kind: QuestionKind): AsyncGenerator<Row> {
  for (const { stream, file } of listSealed(spool)) {
    if (stream !== backfillStream) continue;
    try {
      const lines = readline.createInterface({ input: fs.createReadStream(file), crlfDelay: Infinity });
      for await (const line of lines) {
        if (!line.startsWith(groupEnd)) continue;
        const row = JSON.parse(line) as Row & { asked: string };
        if (row.asked === kind) yield row;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // landed since: the lake has it
    }
  }
}

const hasRows = async (lake: Lake): Promise<boolean> =>
  (await lake.list(tables.backfills.folder)).some(
    ({ path: file }) => file.endsWith('.parquet') && path.basename(file) !== 'empty.parquet',
  );

/**
 * The last outcome of each question of a kind: what the spool holds, then what the lake holds, in this order, so that nothing is
 * missed that is landed meanwhile.
 * @param only the last that gave something ('done' or 'unchanged'), instead of the last of all
 */
export async function readOutcomes(
  { spool, lake, engine }: { spool: string; lake: Lake; engine: Engine },
  kind: QuestionKind,
): Promise<{ last: Map<string, Earlier>; lastRead: Map<string, Earlier> }> {
  const last = new Map<string, Earlier>();
  const lastRead = new Map<string, Earlier>();
  const take = (row: Row): void => {
    const key = keyOf(row);
    const earlier: Earlier = {
      outcome: row.outcome as Outcome['outcome'],
      reason: row.reason as Outcome['reason'],
      rev: row.rev,
      verified: row.verified,
      collections: row.collections,
      endedUs: Number(row.event_us),
    };
    if ((last.get(key)?.endedUs ?? -1) < earlier.endedUs) last.set(key, earlier);
    const read = earlier.outcome === 'done' || earlier.outcome === 'unchanged';
    if (read && (lastRead.get(key)?.endedUs ?? -1) < earlier.endedUs) lastRead.set(key, earlier);
  };
  for await (const row of spooled(spool, kind)) take(row);
  if (await hasRows(lake)) {
    const rows = await engine.rows<Row>(`
      SELECT did, uri, outcome, reason, rev, verified, "collections", event_us
      FROM ${readTable(lake, tables.backfills)} WHERE kind = ${sqlText(kind)}
      QUALIFY row_number() OVER (
        PARTITION BY coalesce(uri, did), outcome IN ('done', 'unchanged') ORDER BY event_us DESC, segment) = 1`);
    for (const row of rows) take(row);
  }
  return { last, lastRead };
}
