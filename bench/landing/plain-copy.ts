import path from 'node:path';
import { openEngine, parquetOptions, sqlText } from '../../lake/index.ts';
import { measured } from './measured.ts';
import type { LandingSettings } from './messages.ts';

/**
 * The bound: DuckDB reads the same segments with the same columns and writes one Parquet file. Nothing is checked, verified
 * against a seal, partitioned or fsynced, one bad line fails it all, and the record is written anew instead of kept as it came.
 */
const { folder, memoryLimit } = JSON.parse(process.argv[2] ?? '') as LandingSettings;
const columns = `{t: 'VARCHAR', seq: 'BIGINT', event_us: 'BIGINT', did: 'VARCHAR', ingested_at: 'BIGINT', source: 'VARCHAR',
  live: 'BOOLEAN', verified: 'BOOLEAN', collection: 'VARCHAR', rkey: 'VARCHAR', operation: 'VARCHAR', cid: 'VARCHAR', rev: 'VARCHAR',
  record: 'JSON', handle: 'VARCHAR', active: 'BOOLEAN', status: 'VARCHAR'}`;
await measured(async () => {
  const engine = await openEngine({ memoryLimit, threads: 2 });
  try {
    const out = path.join(folder, 'plain.parquet');
    const [written] = await engine.rows<{ Count: bigint }>(
      `COPY (SELECT * FROM read_json(${sqlText(path.join(folder, 'spool/firehose/*.ndjson'))}, format = 'newline_delimited', columns = ${columns}))
       TO ${sqlText(out)} (${parquetOptions})`,
    );
    return { rows: Number(written?.Count ?? 0), files: 1 };
  } finally {
    await engine.close();
  }
});
