import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { redact, verifyLake } from '../../../extract/land/index.ts';
import {
  ensureTables,
  openEngine,
  openLake,
  readTable,
  tables,
  writeRows,
  type Engine,
} from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { filesThatHold } from '../study/erasable.ts';

const dayUs = 86_400_000_000;
const us = Date.UTC(2026, 6, 4, 12) * 1000;
const [ann, bob, cid, dan] = ['ann', 'bob', 'cid', 'dan'].map(
  (name) => `did:plc:${name.padEnd(24, 'a')}`,
) as [string, string, string, string];
const collection = 'app.bsky.feed.post';

interface Post {
  did: string;
  rkey: string;
  operation: 'create' | 'delete';
  text?: string;
  atUs: number;
}

const record = ({ did, rkey, operation, text, atUs }: Post) => ({
  did,
  collection,
  rkey,
  operation,
  cid: operation === 'delete' ? null : `bafy${rkey}`,
  rev: String(atUs),
  record: text === undefined ? null : JSON.stringify({ text }),
  event_us: atUs,
  source: 'firehose',
  live: true,
  verified: true,
  ingested_at: atUs,
  segment: 's1',
});

/** Words that have to go: deleted by their author, and of an account that was deleted. */
const due = ['words that ann took back', 'words of bob who left'];
/** And words that stay. */
const kept = ['what ann wrote anew', 'what ann left', 'words of cid who is away for a while', 'words of dan'];

/** Two hours of posts, and what became of them; with a warehouse that was built on them. */
async function fillLake(config: Config, engine: Engine): Promise<void> {
  const lake = openLake(config.lake);
  await ensureTables(lake, openLake(config.privateLake), engine);
  const hour = (name: string) => ({ collection_group: collection, dt: '2026-07-04', hour: name });
  await writeRows(
    lake,
    engine,
    tables.records,
    hour('12'),
    [
      record({ did: ann, rkey: '3ktaken', operation: 'create', text: due[0] as string, atUs: us }),
      record({ did: ann, rkey: '3kleft', operation: 'create', text: kept[1] as string, atUs: us + 1 }),
      record({ did: bob, rkey: '3kbob', operation: 'create', text: due[1] as string, atUs: us + 2 }),
      record({ did: cid, rkey: '3kcid', operation: 'create', text: kept[2] as string, atUs: us + 3 }),
    ],
    'first',
  );
  await writeRows(
    lake,
    engine,
    tables.records,
    hour('13'),
    [
      record({ did: ann, rkey: '3ktaken', operation: 'delete', atUs: us + 10 }),
      record({ did: ann, rkey: '3ktaken', operation: 'create', text: kept[0] as string, atUs: us + 20 }),
      record({ did: dan, rkey: '3kdan', operation: 'create', text: kept[3] as string, atUs: us + 21 }),
      // the same words once more, by a backfill that came before the deletion
      record({ did: ann, rkey: '3ktaken', operation: 'create', text: due[0] as string, atUs: us + 5 }),
    ],
    'second',
  );
  await lake.write(
    'raw/_manifests/batch.json',
    JSON.stringify({
      batch: 'batch',
      segments: [],
      files: ['first', 'second'].map((name, i) => ({
        table: 'records',
        path: `raw/records/collection_group=${collection}/dt=2026-07-04/hour=${12 + i}/${name}.parquet`,
        rows: 4,
      })),
      rows: { records: 8 },
      malformed: 0,
      clamped: 0,
    }),
  );
  const account = (did: string, active: boolean, status: string | null, atUs: number) => ({
    did,
    active,
    status,
    seq: 1,
    event_us: atUs,
    source: 'firehose',
    ingested_at: atUs,
    segment: 's1',
  });
  await writeRows(
    lake,
    engine,
    tables.accounts,
    { dt: '2026-07-04', hour: '13' },
    [
      account(bob, false, 'deleted', us + 11),
      account(cid, false, 'deactivated', us + 11),
      account(dan, false, 'deleted', us + 12),
      account(dan, true, null, us + 13), // and came back
    ],
    'accounts',
  );
  mkdirSync(path.dirname(config.warehouse), { recursive: true });
  writeFileSync(config.warehouse, due.join());
}

describe('redaction', () => {
  it('takes what was deleted out of every file once it is due, and nothing else; killed, it goes on', async () => {
    const folder = temporaryFolder();
    const config = configIn(folder, { FEEDTRIAL_LOG_LEVEL: 'silent' });
    const engine = await openEngine({ threads: 1 });
    try {
      await fillLake(config, engine);
      const rows = () =>
        engine.rows<{ did: string; rkey: string; operation: string; event_us: bigint }>(
          `SELECT did, rkey, operation, event_us FROM ${readTable(openLake(config.lake), tables.records)} ORDER BY event_us`,
        );
      const before = await rows();
      const nowMs = (days: number): number => (us + days * dayUs) / 1000;

      // not yet
      expect(await redact({ config, now: () => nowMs(3) })).toEqual({ files: 0, records: 0, waiting: 3 });
      expect(existsSync(config.warehouse)).toBe(true);

      for (const step of ['found', 'warehouse-removed', 'file-redacted']) {
        const { signal } = spawnSync(
          process.execPath,
          [path.join(import.meta.dirname, 'redacting-that-dies.ts'), folder, String(nowMs(6.5)), step],
          { stdio: ['ignore', 'ignore', 'inherit'] },
        );
        expect([step, signal]).toEqual([step, 'SIGKILL']);
      }
      expect((await filesThatHold(folder, due)).length).toBeGreaterThan(0);
      expect(await redact({ config, now: () => nowMs(6.5) })).toMatchObject({ files: 1, waiting: 0 });

      expect(await filesThatHold(folder, due)).toEqual([]);
      for (const words of kept) expect(await filesThatHold(folder, [words]), words).toHaveLength(1);
      expect(await rows()).toEqual(before);
      expect((await verifyLake({ config })).problems).toEqual([]);
      expect(await redact({ config, now: () => nowMs(6.5) })).toEqual({ files: 0, records: 0, waiting: 0 });
    } finally {
      await engine.close();
    }
  });
});
