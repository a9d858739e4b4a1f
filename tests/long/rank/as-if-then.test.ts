import { cpSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generationFiles } from '../../../ops/cycle/publish.ts';
import { rank } from '../../../ops/cycle/rank.ts';
import { openDbt } from '../../../ops/dbt/index.ts';
import { openEngine, openLake, readTable, sqlText, tables, type Engine } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { buildBeforeRanking, makeSmallLake, type SmallLake } from '../../integration/rank/small-lake.ts';

let small: SmallLake;
let engine: Engine;
let thenUs: number;

beforeAll(async () => {
  small = await makeSmallLake();
  engine = await openEngine();
  thenUs = small.generated.endUs + 3_600_000_000; // everything generated was there by then
});

afterAll(async () => {
  await engine?.close();
  small?.remove();
});

/** A copy of both lakes with a warehouse of its own. */
function copyOf(name: string): Config {
  const folder = path.join(small.folder, name);
  const config = {
    ...small.config,
    lake: path.join(folder, 'lake'),
    privateLake: path.join(folder, 'private'),
    warehouse: path.join(folder, 'warehouse/feedtrial.duckdb'),
  };
  cpSync(small.config.lake, config.lake, { recursive: true });
  cpSync(small.config.privateLake, config.privateLake, { recursive: true });
  return config;
}

/** Ranks as of the end of the generated network; what it knows of is all, or what was known by a moment. */
async function rankWith(config: Config, knownAtUs: number | null): Promise<string> {
  const dbt = await openDbt(config);
  try {
    await buildBeforeRanking({ ...small, config }, dbt, knownAtUs === null ? {} : { known_at_us: knownAtUs });
    await rank({
      config,
      dbt,
      asOfUs: small.generated.endUs,
      generation: 'g',
      ...(knownAtUs === null ? {} : { knownAtUs }),
    });
  } finally {
    await dbt.close();
  }
  return `read_parquet(${sqlText(path.join(config.lake, generationFiles('g').feeds))}, hive_partitioning = false)`;
}

const lateUs = (): number => thenUs + 1;

/** What came into the lake after that moment, all of it about time before: likes, unlikes, labels, posts. */
async function addLate(config: Config): Promise<Record<string, number>> {
  const lake = openLake(config.lake);
  const records = readTable(lake, tables.records);
  const witnessedUs = small.generated.endUs - 7_200_000_000;
  const operations = (collection: string): string =>
    `SELECT * FROM ${records} WHERE "collection" = '${collection}' AND operation = 'create' AND live`;
  const columns = tables.records.columns.map(({ name }) => `"${name}"`).join(', ');
  const write = async (collection: string, name: string, query: string): Promise<number> => {
    await engine.run(`CREATE OR REPLACE TEMP TABLE late AS ${query}`);
    const folder = `raw/records/collection_group=${collection}/dt=2026-07-04/hour=13`;
    await lake.write(`${folder}/.made`, '');
    await lake.remove(`${folder}/.made`);
    await engine.run(
      `COPY (SELECT ${columns} FROM late) TO ${sqlText(lake.uri(`${folder}/${name}.parquet`))} (FORMAT parquet)`,
    );
    const [{ n = 0 } = {}] = await engine.rows<{ n: number }>('SELECT count(*)::INTEGER AS n FROM late');
    return n;
  };
  const late = `${witnessedUs} AS event_us, ${lateUs()} AS ingested_at, '3zzzzzzzzzzzz' AS rev`;
  const likes = await write(
    'app.bsky.feed.like',
    'late-likes',
    `SELECT liked.* REPLACE (${late}, people.did AS did, '3late' || row_number() OVER () AS rkey)
     FROM (SELECT * FROM (${operations('app.bsky.feed.like')})
       QUALIFY row_number() OVER (PARTITION BY record ->> '$.subject.uri' ORDER BY rkey) = 1) AS liked,
       (SELECT DISTINCT did FROM ${records} ORDER BY did LIMIT 5) AS people`,
  );
  const unlikes = await write(
    'app.bsky.feed.like',
    'late-unlikes',
    `SELECT * REPLACE ('delete' AS operation, NULL AS record, NULL AS cid, ${late})
     FROM (${operations('app.bsky.feed.like')}) WHERE md5(rkey) < '8'`,
  );
  const posts = await write(
    'app.bsky.feed.post',
    'late-posts',
    `SELECT * REPLACE (${late}, '3late' || row_number() OVER () AS rkey, replace(record, '"text":"', '"text":"Said late: ') AS record)
     FROM (${operations('app.bsky.feed.post')}) WHERE md5(rkey) < '4'`,
  );
  const values = readTable(lake, tables.labels);
  await engine.run(`CREATE OR REPLACE TEMP TABLE late AS
    SELECT unlabelled.uri, unlabelled.cid, asked.* EXCLUDE (uri, cid)
    FROM (SELECT * REPLACE (0.99 AS score, ${lateUs()} AS labelled_at) FROM ${values}
      WHERE status = 'ok' AND score IS NOT NULL QUALIFY row_number() OVER (PARTITION BY labeler, version, label ORDER BY uri) = 1) AS asked
    CROSS JOIN (SELECT 'at://' || did || '/app.bsky.feed.post/' || rkey AS uri, cid FROM (${operations('app.bsky.feed.post')})) AS unlabelled
    WHERE NOT EXISTS (SELECT 1 FROM ${values} AS given WHERE given.uri = unlabelled.uri AND given.labeler = asked.labeler AND given.label = asked.label)`);
  const labelers = await engine.rows<{ labeler: string }>('SELECT DISTINCT labeler FROM late');
  for (const { labeler } of labelers) {
    const folder = `labels/values/labeler=${labeler}/dt=2026-07-04`;
    await lake.write(`${folder}/.made`, '');
    await lake.remove(`${folder}/.made`);
    await engine.run(
      `COPY (SELECT ${tables.labels.columns.map(({ name }) => `"${name}"`).join(', ')} FROM late WHERE labeler = ${sqlText(labeler)})
       TO ${sqlText(lake.uri(`${folder}/late.parquet`))} (FORMAT parquet)`,
    );
  }
  const [{ n: labels = 0 } = {}] = await engine.rows<{ n: number }>(
    'SELECT count(*)::INTEGER AS n FROM late',
  );
  return { likes, unlikes, posts, labels };
}

it('ranks as if then: what came in or was labelled later changes no feed, and would have', async () => {
  const before = await rankWith(copyOf('then'), null);
  const later = copyOf('later');
  const added = await addLate(later);
  for (const count of Object.values(added)) expect(count).toBeGreaterThan(20);

  const asIfThen = await rankWith(later, thenUs);
  const differing = async (a: string, b: string): Promise<number> =>
    (await engine.rows<{ n: number }>(`SELECT count(*)::INTEGER AS n FROM (FROM ${a} EXCEPT FROM ${b})`))[0]
      ?.n ?? -1;
  expect(await differing(before, asIfThen)).toBe(0);
  expect(await differing(asIfThen, before)).toBe(0);

  const knowing = copyOf('knowing');
  await addLate(knowing);
  expect(await differing(before, await rankWith(knowing, null))).toBeGreaterThan(500);
});
