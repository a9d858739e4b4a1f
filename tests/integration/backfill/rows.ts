import { land } from '../../../extract/land/index.ts';
import { ensureTables, openEngine, openLake, readTable, tables } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';

export interface LandedRecord {
  did: string;
  collection: string;
  rkey: string;
  operation: string;
  cid: string | null;
  rev: string;
  record: string | null;
  source: string;
  live: boolean;
  verified: boolean;
  event_us: bigint;
  ingested_at: bigint;
}

/** Lands what is in the spool and gives rows of one table, in a total order. */
export async function landedRows<T = Record<string, unknown>>(
  config: Config,
  name: keyof typeof tables,
): Promise<T[]> {
  await land({ config });
  const engine = await openEngine({ threads: 1, memoryLimit: '1GB' });
  try {
    const lake = openLake(config.lake);
    await ensureTables(lake, openLake(config.privateLake), engine);
    return await engine.rows<T>(
      `SELECT * FROM ${readTable(lake, tables[name])} AS rows ORDER BY rows::VARCHAR`,
    );
  } finally {
    await engine.close();
  }
}

/** `did/collection/rkey` -> CID of the records that stand, folded by revision as staging folds them. */
export async function standing(config: Config): Promise<Map<string, string>> {
  const rows = await landedRows<LandedRecord>(config, 'records');
  const last = new Map<string, LandedRecord>();
  const key = ({ did, collection, rkey }: LandedRecord): string => `${did}/${collection}/${rkey}`;
  const order = ({ rev, verified, source }: LandedRecord): string => `${rev} ${verified ? 1 : 0}${source}`;
  for (const row of rows) {
    const other = last.get(key(row));
    if (other === undefined || order(other) < order(row)) last.set(key(row), row);
  }
  return new Map(
    [...last]
      .filter(([, { operation }]) => operation !== 'delete')
      .map(([path, { cid }]) => [path, cid ?? ''] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
