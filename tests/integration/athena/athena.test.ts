import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Athena } from '@aws-sdk/client-athena';
import { Glue } from '@aws-sdk/client-glue';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureTables, openEngine, openLake } from '../../../lake/index.ts';
import {
  athenaDdl,
  costOf,
  describeTables,
  runQuery,
  syncTables,
  toCsv,
  trinoDdl,
  writeParquet,
} from '../../../ops/athena/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { temporaryFolder } from '../../folders.ts';
import { hasMoto, startMoto } from '../../services/moto.ts';

const credentials = { accessKeyId: 'double', secretAccessKey: 'double' };

async function smallLakes() {
  const folder = temporaryFolder();
  const lake = openLake(path.join(folder, 'lake'));
  const privateLake = openLake(path.join(folder, 'private'));
  const engine = await openEngine();
  await ensureTables(lake, privateLake, engine).finally(() => engine.close());
  await lake.write('raw/records/collection_group=app.bsky.feed.post/dt=2026-07-04/hour=06/a.parquet', '');
  await lake.write('labels/values/labeler=llm/dt=2026-07-05/a.parquet', '');
  return { lake, privateLake };
}

describe('the tables of a lake', () => {
  test('say what partitions there are by their keys, so that no crawler has to find them', async () => {
    const tables = await describeTables(await smallLakes());
    expect(tables.private.map((table) => table.name).toSorted()).toEqual([
      'pairs',
      'participants',
      'pseudonyms',
    ]);
    const records = tables.lake.find((table) => table.name === 'records');
    if (!records) throw new Error('no records');
    const ddl = athenaDdl('study', records);
    expect(ddl).toContain('CREATE EXTERNAL TABLE IF NOT EXISTS `study`.`records`');
    expect(ddl).toContain("'projection.dt.range' = '2026-07-03,NOW'");
    expect(ddl).toContain("'projection.collection_group.values' = 'app.bsky.feed.post,");
    expect(ddl).toMatch(/'projection\.hour\.values' = '00,01,.*,23,all'/);
    expect(ddl).not.toContain('1970-01-01');
    const labels = tables.lake.find((table) => table.name === 'label_values');
    expect(labels?.partitions[0]?.projection).toEqual({ type: 'enum', values: ['llm'] });
  });

  test('look for feeds where nothing else is, and for no generation that has them elsewhere', async () => {
    const lakes = await smallLakes();
    for (const file of [
      'old/feeds.parquet',
      'old/inputs/scored.parquet',
      'new/positions/feeds.parquet',
      'new/inputs/scored.parquet',
    ])
      await lakes.lake.write(`feeds/generation=${file}`, '');
    const feeds = (await describeTables(lakes)).lake.find((table) => table.name === 'feeds');
    if (!feeds) throw new Error('no feeds');
    expect(feeds.partitions).toEqual([{ name: 'generation', projection: { type: 'enum', values: ['new'] } }]);
    expect(athenaDdl('study', feeds)).toContain(
      `'storage.location.template' = '${lakes.lake.uri('feeds')}/generation=\${generation}/positions/'`,
    );
    expect(trinoDdl('study', feeds)).toContain(
      `partition_projection_location_template = '${lakes.lake.uri('feeds')}/generation=\${generation}/positions/'`,
    );
  });

  test('keep the roster out of the database that is shared', async () => {
    const tables = await describeTables(await smallLakes());
    for (const table of tables.lake) {
      const names = table.columns.map((column) => column.name);
      expect(names.includes('participant_id') && names.includes('did'), table.name).toBe(false);
    }
  });
});

test('a query costs what it scans, ten megabytes at least', () => {
  expect(costOf(0)).toBe(0);
  expect(costOf(1)).toBeCloseTo(0.00005, 10);
  expect(costOf(2e12)).toBe(10);
});

test('a result as CSV tells null from the empty text, and as Parquet has its types', async () => {
  const result = {
    columns: [
      { name: 'arm', type: 'varchar' },
      { name: 'n', type: 'bigint' },
      { name: 'mean', type: 'double' },
    ],
    rows: [
      ['say "hi",\nthere', '3', '0.25'],
      ['', null, null],
    ],
  };
  expect(toCsv(result)).toBe('"arm","n","mean"\n"say ""hi"",\nthere","3","0.25"\n"",,\n');
  const engine = await openEngine();
  try {
    const file = path.join(temporaryFolder(), 'result.parquet');
    await writeParquet(engine, result, file);
    expect(await engine.rows(`SELECT * FROM '${file}' ORDER BY n`)).toEqual([
      { arm: 'say "hi",\nthere', n: 3n, mean: 0.25 },
      { arm: '', n: null, mean: null },
    ]);
  } finally {
    await engine.close();
  }
});

describe.skipIf(!hasMoto)('calls to Glue and Athena', () => {
  let aws: Awaited<ReturnType<typeof startMoto>>;
  let glue: Glue;
  let athena: Athena;
  beforeAll(async () => {
    silenceProgress();
    aws = await startMoto();
    const at = { endpoint: aws.url, region: 'us-east-1', credentials };
    glue = new Glue(at);
    athena = new Athena(at);
  });
  afterAll(async () => {
    glue?.destroy();
    athena?.destroy();
    await aws?.stop();
    silenceProgress(false);
  });

  /** The double runs no SQL: it answers with what it was told to. */
  const answerWith = (columns: [string, string][], data: (string | null)[][]) =>
    fetch(`${aws.url}/moto-api/static/athena/query-results`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        results: [
          {
            rows: [columns.map(([name]) => name), ...data].map((row) => ({
              Data: row.map((value) => (value === null ? {} : { VarCharValue: value })),
            })),
            column_info: columns.map(([Name, Type]) => ({ Name, Type })),
          },
        ],
      }),
    });

  test('make the tables once, change those that are described otherwise, and leave others alone', async () => {
    const { lake, privateLake } = await smallLakes();
    const { lake: tables } = await describeTables({ lake, privateLake });
    const sync = (dryRun = false, described = tables) =>
      syncTables({ glue, database: 'study', tables: described, dryRun });
    const actions = (synced: Awaited<ReturnType<typeof sync>>) => new Set(synced.map((one) => one.action));

    expect(actions(await sync(true))).toEqual(new Set(['created']));
    await expect(glue.getDatabase({ Name: 'study' })).rejects.toThrow();
    expect(actions(await sync())).toEqual(new Set(['created']));
    expect(actions(await sync())).toEqual(new Set(['unchanged']));
    await glue.createTable({ DatabaseName: 'study', TableInput: { Name: 'of_an_analyst' } });
    await lake.write('labels/values/labeler=perspective/dt=2026-07-05/a.parquet', '');
    const changed = await sync(false, (await describeTables({ lake, privateLake })).lake);
    expect(changed.filter((one) => one.action !== 'unchanged')).toEqual([
      { database: 'study', table: 'label_values', action: 'changed' },
    ]);
    const { Table } = await glue.getTable({ DatabaseName: 'study', Name: 'label_values' });
    expect(Table?.Parameters?.['projection.labeler.values']).toBe('llm,perspective');
    expect(Table?.PartitionKeys?.map((key) => key.Name)).toEqual(['labeler', 'dt']);
    expect((await glue.getTable({ DatabaseName: 'study', Name: 'of_an_analyst' })).Table).toBeDefined();
  });

  test('bring the rows of a query without the line of names, and nulls as nulls', async () => {
    await answerWith(
      [
        ['arm', 'varchar'],
        ['positions', 'bigint'],
      ],
      [
        ['treatment', '100'],
        ['engagement', null],
      ],
    );
    const result = await runQuery({
      athena,
      sql: 'SELECT arm, count(*) AS positions FROM exposures GROUP BY arm',
      database: 'study',
      outputLocation: 's3://results/',
      pollMs: 10,
    });
    expect(result.columns.map((one) => one.name)).toEqual(['arm', 'positions']);
    expect(result.rows).toEqual([
      ['treatment', '100'],
      ['engagement', null],
    ]);
    expect(result.output).toContain('s3://results/');
  });

  test('run from the command line, with errors that say what to do', async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'query.sql');
    writeFileSync(file, 'SELECT 1 AS one;\n');
    const cli = (args: string[], env: Record<string, string> = {}) =>
      execa(process.execPath, [path.resolve('ops/cli/main.ts'), 'athena', ...args], {
        reject: false,
        cwd: folder,
        env: {
          AWS_ENDPOINT_URL: aws.url,
          AWS_REGION: 'us-east-1',
          AWS_ACCESS_KEY_ID: 'double',
          AWS_SECRET_ACCESS_KEY: 'double',
          FEEDTRIAL_SPOOL: path.join(folder, 'spool'),
          ...env,
        },
      });
    await answerWith([['one', 'integer']], [['1']]);
    const out = path.join(folder, 'one.csv');
    const done = await cli([
      'query',
      file,
      '--format',
      'csv',
      '--out',
      out,
      '--output-location',
      's3://results/',
    ]);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(done.stderr).toContain('1 rows in');
    expect(readFileSync(out, 'utf8')).toBe('"one"\n"1"\n');

    const nowhere = await cli(['query', file]);
    expect(nowhere.exitCode).toBe(2);
    expect(nowhere.stderr).toContain('FT_ATHENA_OUTPUT');
    const missing = await cli(['query', path.join(folder, 'none.sql'), '--output-location', 's3://results/']);
    expect(missing.exitCode).toBe(2);
    expect(missing.stderr).toContain('FT_ATHENA_QUERY_FILE');
    const local = await cli(['sync']);
    expect(local.exitCode).toBe(2);
    expect(local.stderr).toContain('FT_ATHENA_LOCAL');
    const unknown = await cli(['query', file, '--workgroup', 'no-such-group']);
    expect(unknown.exitCode).toBe(1);
    expect(unknown.stderr).toMatch(/FT_ATHENA_(AWS|QUERY_FAILED)/);
  });
});

describe('a query in Athena', () => {
  /** A fake: a client whose query is in the states that it is given, one after another. */
  const inStates = (states: [string, number][]) => {
    const stopped: string[] = [];
    let n = 0;
    const client = {
      startQueryExecution: async () => ({ QueryExecutionId: 'q1' }),
      getQueryExecution: async () => {
        const [State, DataScannedInBytes] = states[Math.min(n++, states.length - 1)] ?? ['FAILED', 0];
        return {
          QueryExecution: {
            Status: { State, StateChangeReason: 'line 1:8: no such column' },
            Statistics: { DataScannedInBytes },
          },
        };
      },
      stopQueryExecution: async ({ QueryExecutionId }: { QueryExecutionId: string }) =>
        stopped.push(QueryExecutionId),
      getQueryResults: async () => ({ ResultSet: { Rows: [], ResultSetMetadata: { ColumnInfo: [] } } }),
    };
    return { athena: client as unknown as Athena, stopped };
  };
  const ask = (athena: Athena, more: { maxBytes?: number; signal?: AbortSignal } = {}) =>
    runQuery({ athena, sql: 'SELECT 1', database: 'study', outputLocation: null, pollMs: 1, ...more });

  test('that fails says why', async () => {
    const { athena } = inStates([
      ['RUNNING', 5],
      ['FAILED', 5],
    ]);
    await expect(ask(athena)).rejects.toMatchObject({
      code: 'FT_ATHENA_QUERY_FAILED',
      message: expect.stringContaining('no such column') as string,
    });
  });

  test('that scans more than it may is stopped, and one that nobody waits for', async () => {
    const greedy = inStates([['RUNNING', 2e9]]);
    await expect(ask(greedy.athena, { maxBytes: 1e9 })).rejects.toMatchObject({
      code: 'FT_ATHENA_LIMIT',
      exitCode: 4,
    });
    expect(greedy.stopped).toEqual(['q1']);
    const left = inStates([['RUNNING', 1]]);
    await expect(ask(left.athena, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'FT_ATHENA_QUERY_FAILED',
    });
    expect(left.stopped).toEqual(['q1']);
  });

  test('tells what it scanned and what that costs', async () => {
    const { athena } = inStates([
      ['QUEUED', 0],
      ['SUCCEEDED', 3e9],
    ]);
    expect(await ask(athena)).toMatchObject({ bytesScanned: 3e9, costUsd: 0.015 });
  });
});
