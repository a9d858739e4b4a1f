import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLake, readCurrentGeneration, sqlText } from '../../../lake/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { generationFiles } from '../../../ops/cycle/publish.ts';
import { grafanaQueries } from '../../../ops/docs/grafana.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { hasTrino } from '../../services/trino.ts';
import {
  compareAll,
  generatedStudy,
  miniatureStudy,
  studyOnBoth,
  type StudyOnBoth,
} from './study-on-both.ts';

/** What has no rows where feeds are as they should be. */
const wrongs = ['int_feeds__unshowable', 'obs_feeds__short'];
/** What else has none: nobody probes a generated study; the miniature network has three arms, one generation, no moderators and no labeler that failed. */
const lawfullyEmpty: Record<string, readonly string[]> = {
  generated: [...wrongs, 'fct_probes'],
  miniature: [
    ...wrongs,
    'backfill_queue',
    'base_bluesky__blocks',
    'base_labels__failed',
    'fct_label_switch_over',
    'int_exposures__reported',
    'int_feeds__interleaved',
    'int_feeds__pairs',
    'int_feeds__personal',
    'int_participants__last_feed',
    'int_posts__moderated',
    'int_posts__repeated',
    'labels_queue',
    'obs_labels__switch_over',
    'stg_backfill__questions',
    'stg_bluesky__blocks',
    'stg_bluesky__profile_snapshots',
    'stg_moderation__labels',
    'stg_serving__interactions',
    'stg_similarity__pairs',
  ],
};

const queries = globSync('docs/queries/*.sql', { cwd: projectRoot }).sort();

type Scalar = string | number | bigint | boolean | null;

/** Numbers to nine places, so that rows of both engines are compared as text; DuckDB's counts come as bigints. */
const cell = (value: Scalar): Scalar => {
  if (value === null || typeof value === 'boolean') return value;
  const number = Number(value);
  return value === '' || Number.isNaN(number) ? String(value) : Number(number.toFixed(9));
};

// Each study is built once, by both engines; every test looks at what they made.
describe.skipIf(!hasTrino).each([
  ['generated', generatedStudy(800)],
  ['miniature', miniatureStudy],
])('on Trino, of the %s network,', (name, fill) => {
  let study: StudyOnBoth;

  beforeAll(async () => {
    silenceProgress();
    study = await studyOnBoth(fill);
  }, 1_800_000);
  afterAll(async () => {
    await study?.close();
    silenceProgress(false);
  });

  test('every model has the rows that DuckDB makes, to 1e-9, and some', async () => {
    const compared = await compareAll(study);
    expect(compared.length).toBeGreaterThan(100);
    expect(compared.filter((one) => one.trino !== one.duckdb || one.different.length > 0)).toEqual([]);
    expect(compared.filter((one) => one.trino === 0).map((one) => one.model)).toEqual(
      lawfullyEmpty[name]?.toSorted(),
    );
  }, 600_000);

  test('every participant has the feed that is served', async () => {
    const lake = openLake(study.config.lake);
    const { generation = '' } = (await readCurrentGeneration(lake)) ?? {};
    const sql = (feeds: string): string =>
      `select participant_id, position, uri from ${feeds} where generation = '${generation}' order by participant_id, position`;
    const served = await study.engine.rows<{ participant_id: string; position: number; uri: string }>(
      sql(
        `(select *, ${sqlText(generation)} as generation from read_parquet(${sqlText(lake.uri(generationFiles(generation).feeds))}, hive_partitioning = false))`,
      ),
    );
    const { rows } = await study.trino.query(sql('fct_feeds'));
    expect(served.length).toBeGreaterThan(500);
    expect(rows).toEqual(served.map((row) => [row.participant_id, row.position, row.uri]));
    // and by hand, from the table of all generations, beside whose files others lie
    const published = await study.trino.query(sql('feeds'), 'feedtrial_lake');
    expect(published.rows).toEqual(rows);
  });

  test('every data test of the models passes there', () =>
    study.dbt('test', 'trino', ['--exclude', 'resource_type:unit_test']));

  test('every statement that Athena would be given is one of Trino, over tables and columns that there are', async () => {
    const target = await study.dbt('compile', 'athena', ['--no-populate-cache']);
    const folder = path.join(target, 'compiled/feedtrial/models');
    const statements = globSync('*/*.sql', { cwd: folder });
    expect(statements.length).toBe(study.models.length);
    for (const file of statements) {
      const sql = readFileSync(path.join(folder, file), 'utf8').replaceAll('"awsdatacatalog"', '"lake"');
      const { rows } = await study.trino.query(`explain (type validate) ${sql}`);
      expect([file, rows]).toEqual([file, [[true]]]);
    }
  });

  test.each(queries)('%s gives the same rows, and some, on both', async (file) => {
    const sql = readFileSync(path.join(projectRoot, file), 'utf8');
    const { rows, columns } = await study.trino.query(sql, 'feedtrial_lake');
    expect(columns.length).toBeGreaterThan(3);
    expect(rows.length).toBeGreaterThan(0);
    const mine = await study.engine.rows<Record<string, Scalar>>(sql);
    expect((rows as Scalar[][]).map((row) => row.map(cell))).toEqual(
      mine.map((row) => columns.map((one) => cell(row[one.name] ?? null))),
    );
  });

  test.each(grafanaQueries())(
    "$name of Grafana's dashboard runs as Athena's engine reads it",
    async (query) => {
      const sql = query.sql.replaceAll('${__from:date:YYYY-MM-DD}', '2000-01-01');
      const { rows, columns } = await study.trino.query(sql, 'feedtrial_lake');
      expect(columns.some(({ name: column }) => column === 'time')).toBe(query.kind === 'timeseries');
      if (
        ['capture_operations', 'capture_lag', 'labels_asked', 'pages_served', 'pages_by_arm'].includes(
          query.name,
        )
      )
        expect(rows.length).toBeGreaterThan(0);
    },
  );
});

test('the ready queries are listed, each', () => {
  const page = readFileSync(path.join(projectRoot, 'docs/queries/README.md'), 'utf8');
  expect(queries.length).toBeGreaterThan(4);
  for (const file of queries) expect(page).toContain(`(${path.basename(file)})`);
});
