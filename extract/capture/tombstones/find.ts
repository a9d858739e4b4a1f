import type { LiveTombstone } from '../../../lake/index.ts';

/** Only posts are served. */
const servedCollection = 'app.bsky.feed.post';
/** A source's clock that is ahead by more is wrong, as landing has it. */
const clockAheadUs = 60_000_000;

/** What a line that hides something has in it, outside of any string: there quotes have backslashes. */
const marks = ['"operation":"delete"', '{"t":"account"', '"kind":"account"', 'subscribeEvents#account"'].map(
  (text) => Buffer.from(text),
);

/** Deletions and account states among lines of the spool. Nearly all lines are passed over by a search of their bytes. */
export function findTombstones(lines: Buffer): LiveTombstone[] {
  const starts = new Set<number>();
  for (const mark of marks)
    for (let at = lines.indexOf(mark); at !== -1;) {
      starts.add(lines.lastIndexOf(0x0a, at) + 1);
      const end = lines.indexOf(0x0a, at);
      at = end === -1 ? -1 : lines.indexOf(mark, end);
    }
  return [...starts]
    .sort((a, b) => a - b)
    .flatMap((start) => {
      const end = lines.indexOf(0x0a, start);
      return tombstoneOf(lines.toString('utf8', start, end === -1 ? lines.length : end)) ?? [];
    });
}

interface Operation {
  did?: string;
  operation?: string;
  collection?: string;
  rkey?: string;
  active?: boolean;
}

function tombstoneOf(line: string): LiveTombstone | null {
  let row: Operation & {
    t?: string | number;
    event_us?: number;
    ingested_at?: number;
    i?: number;
    e?: Operation & { time_us?: number; commit?: Operation; account?: Operation };
    m?: { payload?: Operation & { account?: Operation } };
  };
  try {
    row = JSON.parse(line) as typeof row;
  } catch {
    return null;
  }
  const payload = row.m?.payload;
  const about = row.e ?? payload ?? row;
  const operation = row.e?.commit ?? payload ?? row;
  const account = row.e?.account ?? payload?.account ?? (row.t === 'account' ? row : undefined);
  const statedUs = row.e?.time_us ?? (typeof row.t === 'number' ? row.t : row.event_us);
  const takenUs = row.i ?? row.ingested_at;
  const { did } = about;
  if (did === undefined || statedUs === undefined || takenUs === undefined) return null;
  const us = statedUs > takenUs + clockAheadUs ? takenUs : statedUs;
  if (typeof account?.active === 'boolean')
    return { kind: 'account', did, uri: null, hidden: !account.active, event_us: us };
  const { collection, rkey } = operation;
  if (operation.operation !== 'delete' || collection !== servedCollection || rkey === undefined) return null;
  return { kind: 'record', did, uri: `at://${did}/${collection}/${rkey}`, hidden: true, event_us: us };
}
