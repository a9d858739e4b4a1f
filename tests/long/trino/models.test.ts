import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../../../ops/config/config.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { hasTrino } from '../../services/trino.ts';
import { runDbt } from './engines.ts';
import { compareAll, studyOnBoth, type StudyOnBoth } from './study-on-both.ts';

// One study, built by both engines; every test looks at what they made.
describe.skipIf(!hasTrino)('the models on Trino', () => {
  let study: StudyOnBoth;

  beforeAll(async () => {
    silenceProgress();
    study = await studyOnBoth(800);
  }, 900_000);
  afterAll(async () => {
    await study?.close();
    silenceProgress(false);
  });

  test('are the rows that DuckDB makes, to 1e-9, and not of nothing', async () => {
    const compared = await compareAll(study);
    expect(compared.filter((one) => one.trino !== one.duckdb || one.different.length > 0)).toEqual([]);
    const rows = new Map(compared.map((one) => [one.model, one.trino]));
    for (const model of [
      'stg_bluesky__posts',
      'int_posts__eligible',
      'int_posts__unified',
      'int_feeds__interleaved',
      'fct_feeds',
      'fct_exposures',
      'fct_participant_weeks',
      'fct_arm_generations',
      'export_participant_days',
      'export_daily_label_means',
      'export_baseline_days',
    ])
      expect([model, rows.get(model) ?? 0]).not.toEqual([model, 0]);
  }, 600_000);

  test('give every participant the same feed', async () => {
    const { rows } = await study.trino.query(
      'select participant_id, count(*), count(distinct position), max(position) from fct_feeds group by participant_id',
    );
    expect(rows.length).toBeGreaterThan(8);
    for (const [participant, positions, distinct, last] of rows)
      expect([participant, distinct, last]).toEqual([participant, positions, positions]);
  });

  test('are parsed for Athena too, whose SQL is the same', async () => {
    await runDbt('parse', {
      config: study.config,
      target: 'athena',
      parameters: {},
      env: { PYTHONPATH: study.trino.env.PYTHONPATH ?? '' },
    });
  });

  const files = globSync('docs/queries/*.sql', { cwd: projectRoot });
  test('there are ready queries, each listed', () => {
    const page = readFileSync(path.join(projectRoot, 'docs/queries/README.md'), 'utf8');
    expect(files.length).toBeGreaterThan(4);
    for (const file of files) expect(page).toContain(`(${path.basename(file)})`);
  });
  test.each(files)('%s runs over the exports, and finds rows', async (file) => {
    const sql = readFileSync(path.join(projectRoot, file), 'utf8');
    const { rows, columns } = await study.trino.query(sql, 'feedtrial_lake');
    expect(columns.length).toBeGreaterThan(3);
    expect(rows.length).toBeGreaterThan(0);
  });
});
