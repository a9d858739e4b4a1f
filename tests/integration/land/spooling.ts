import fs from 'node:fs';
import path from 'node:path';
import {
  ensureTables,
  openEngine,
  openLake,
  openSegmentWriter,
  readTable,
  tables,
  type Seal,
} from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';

silenceProgress();

export interface JetstreamEvent {
  did: string;
  time_us: number;
  kind: string;
  commit?: {
    rev: string;
    operation: string;
    collection: string;
    rkey: string;
    record?: unknown;
    cid?: string;
  };
  identity?: { did: string; handle?: string };
  account?: { did: string; active: boolean; status?: string };
}

/** When the spool says that an event was taken in: a little after it happened. */
const ingestedAt = (event: JetstreamEvent): number => event.time_us + 100_000;

export const jetstreamLine = (event: JetstreamEvent): string =>
  `{"i":${ingestedAt(event)},"e":${JSON.stringify(event)}}`;

/** The line that firehose capture would have written for what Jetstream made of it. */
export function firehoseLine(event: JetstreamEvent, seq: number): string {
  const common = {
    seq,
    event_us: event.time_us,
    did: event.did,
    ingested_at: ingestedAt(event),
    source: 'firehose',
  };
  const { commit, identity, account } = event;
  if (commit) {
    const { collection, rkey, operation, cid = null, rev, record = null } = commit;
    return JSON.stringify({
      t: 'record',
      ...common,
      live: true,
      verified: true,
      collection,
      rkey,
      operation,
      cid,
      rev,
      record,
    });
  }
  if (identity) return JSON.stringify({ t: 'identity', ...common, handle: identity.handle ?? null });
  return JSON.stringify({
    t: 'account',
    ...common,
    active: account?.active,
    status: account?.status ?? null,
  });
}

/** Writes lines as one sealed segment. */
export async function spool(
  config: Config,
  stream: string,
  format: string,
  lines: string[],
): Promise<Seal | null> {
  const writer = openSegmentWriter({ spool: config.spool, stream, format });
  writer.append(lines.map((line) => `${line}\n`).join(''), lines.length, null);
  return writer.close();
}

export type Rows = Record<string, unknown>[];

/** All rows of tables, as text in a total order, so that two lakes can be compared. */
export async function landed(config: Config, names: (keyof typeof tables)[]): Promise<Record<string, Rows>> {
  const engine = await openEngine({ threads: 1, memoryLimit: '1GB' });
  try {
    const lake = openLake(config.lake);
    await ensureTables(lake, openLake(config.privateLake), engine);
    const found: Record<string, Rows> = {};
    for (const name of names)
      found[name] = await engine.rows(
        `SELECT * FROM ${readTable(lake, tables[name])} AS rows ORDER BY rows::VARCHAR`,
      );
    return found;
  } finally {
    await engine.close();
  }
}

/** Tables that the network's events become; `runs` are landing's own. */
export const eventTables = [
  'records',
  'identities',
  'accounts',
  'rejected',
  'gaps',
  'tombstones',
  'exposures',
  'interactions',
] as const satisfies (keyof typeof tables)[];

/** Data files that are left in a spool, whatever their stream. */
export const unlanded = (config: Config, stream: string): string[] =>
  fs.existsSync(path.join(config.spool, stream))
    ? fs.readdirSync(path.join(config.spool, stream)).filter((name) => /\.(ndjson|open|owner)$/.test(name))
    : [];
