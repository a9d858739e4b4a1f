import path from 'node:path';
import { expect, it } from 'vitest';
import { compact, land, verifyLake } from '../../../extract/land/index.ts';
import { copyToLake, openEngine, openLake, sqlText, type Engine } from '../../../lake/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { jetstreamLine, spool, type JetstreamEvent } from './spooling.ts';

const start = Date.UTC(2026, 6, 3, 18);
const nowMs = Date.UTC(2026, 6, 9);

const posts = Array.from({ length: 60 }, (_, n): JetstreamEvent => ({
  did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
  time_us: (start + n * 600_000) * 1000,
  kind: 'commit',
  commit: {
    rev: `rev${n}`,
    operation: 'create',
    collection: 'app.bsky.feed.post',
    rkey: `key${n}`,
    record: { text: `row ${n}` },
    cid: `bafy${n}`,
  },
}));

async function landedLake() {
  const config = configIn(temporaryFolder());
  for (const part of [posts.slice(0, 40), posts.slice(40)]) {
    await spool(config, 'jetstream', 'jetstream/1', part.map(jetstreamLine));
    await land({ config });
  }
  const lake = openLake(config.lake);
  const files = async (): Promise<string[]> =>
    (await lake.list('raw/records')).map((file) => file.path).filter((file) => file.endsWith('.parquet'));
  return { config, lake, files };
}

it('finds a landed file that is missing and one that lost rows, and names them', async () => {
  const { config, lake, files } = await landedLake();
  const [missing = '', shorter = '', ...others] = await files();
  expect(others.length).toBeGreaterThan(5);
  const whole = await verifyLake({ config });
  expect(whole.problems).toEqual([]);
  expect(whole.batches).toBeGreaterThan(1);
  expect(whole.rows).toBeGreaterThanOrEqual(posts.length);

  const engine: Engine = await openEngine();
  try {
    const rows = `read_parquet(${sqlText(lake.uri(shorter))}, hive_partitioning = false)`;
    await copyToLake(lake, engine, `SELECT * FROM ${rows} LIMIT 1`, shorter);
  } finally {
    await engine.close();
  }
  await lake.remove(missing);
  const { problems } = await verifyLake({ config });
  expect(problems.map((problem) => problem.path).sort()).toEqual([missing, shorter].sort());
  expect(problems.find((problem) => problem.path === shorter)?.problem).toMatch(
    /^1 rows where .* says [2-9]/,
  );
});

it('knows what was compacted, and asks the compacted file for the rows', async () => {
  const { config, lake, files } = await landedLake();
  await compact({ config, now: () => nowMs, settleMs: 0 });
  expect((await verifyLake({ config })).problems).toEqual([]);
  await compact({ config, now: () => nowMs + 86_400_000, settleMs: 0 });
  const verified = await verifyLake({ config });
  expect(verified.problems).toEqual([]);
  expect(verified.compactions).toBeGreaterThan(1);

  const [compacted = ''] = (await files()).filter((file) => path.basename(file).startsWith('compacted-'));
  await lake.remove(compacted);
  expect((await verifyLake({ config })).problems.map((problem) => problem.path)).toEqual([compacted]);
});
