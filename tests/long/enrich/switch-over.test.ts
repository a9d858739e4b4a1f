import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEngine, openLake, readTable, sqlText, tables } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { generationFiles } from '../../../ops/cycle/publish.ts';
import { rank } from '../../../ops/cycle/rank.ts';
import { transform } from '../../../ops/cycle/transform.ts';
import { openDbt, type Dbt } from '../../../ops/dbt/index.ts';
import {
  describeArmCoverage,
  describeSwitchOver,
  readArmCoverage,
  readSwitchOver,
} from '../../../ops/labels/index.ts';
import { observe } from '../../../ops/observe/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { labelerVersions, readWarehouse } from '../../integration/models/warehouse.ts';
import {
  buildBeforeRanking,
  makeSmallLake,
  observedLabels,
  type SmallLake,
} from '../../integration/rank/small-lake.ts';

silenceProgress();

let small: SmallLake;
let dbt: Dbt;
/** First UTC day of posts that Perspective has nothing on. */
let switchDay = '';

interface Source {
  event_day: string;
  label_name: string;
  labeler: string;
  posts: bigint;
}

/**
 * A student for REASONING, as whoever has trained one has it, at the version that the seed asks for. Without one ranking refuses
 * a generation in which half of what treatment shows lacks its label, and the last one stays in force.
 */
async function labelReasoning(config: Config): Promise<void> {
  const engine = await openEngine();
  try {
    const values = readTable(openLake(config.lake), tables.labels);
    const version = sqlText(labelerVersions(projectRoot)['student_reasoning'] ?? '');
    await engine.run(
      `COPY (SELECT * REPLACE ('student_reasoning' AS labeler, ${version} AS version, 'reasoning' AS "label")
         FROM ${values} WHERE labeler = 'student_constructive' AND status = 'ok')
       TO ${sqlText(path.join(config.lake, 'labels/values'))}
       (FORMAT parquet, PARTITION_BY (labeler, dt), FILENAME_PATTERN 'reasoning-{uuid}', APPEND)`,
    );
  } finally {
    await engine.close();
  }
}

beforeAll(async () => {
  small = await makeSmallLake({ FEEDTRIAL_LABEL_PROFILE: 'study' }, 3_000);
  const { config, generated } = small;
  // Perspective ends with the day before the last: what it said until then stays
  switchDay = new Date(generated.endUs / 1000).toISOString().slice(0, 10);
  rmSync(path.join(config.lake, 'labels/values/labeler=perspective', `dt=${switchDay}`), { recursive: true });
  await labelReasoning(config);
  dbt = await openDbt(config);
  await buildBeforeRanking(small, dbt);
  await transform({
    config,
    dbt,
    now: () => generated.endUs / 1000,
    select: [...observedLabels, 'export_daily_label_sources', 'training_examples'],
  });
}, 600_000);

afterAll(async () => {
  await dbt?.close();
  small?.remove();
});

describe('where Perspective has ended', () => {
  it('the next in the precedence fills in, post by post, and each value says who gave it', async () => {
    const posts = await readWarehouse(small.config, (rows) =>
      rows<{
        event_day: string;
        toxic_labeler: string | null;
        constructive_labeler: string | null;
        posts: bigint;
      }>(
        `SELECT strftime(make_timestamp(event_us), '%Y-%m-%d') AS event_day, toxic_labeler, constructive_labeler, count(*) AS posts
         FROM int_posts__unified GROUP BY ALL`,
      ),
    );
    const labelers = (of: 'toxic_labeler' | 'constructive_labeler', isAfter: boolean): Set<string | null> =>
      new Set(posts.filter((row) => row.event_day >= switchDay === isAfter).map((row) => row[of]));
    expect(labelers('toxic_labeler', false)).toContain('perspective');
    expect(labelers('toxic_labeler', false)).toContain('student_toxicity');
    expect(labelers('toxic_labeler', true)).toContain('student_toxicity');
    expect(labelers('toxic_labeler', true)).not.toContain('perspective');
    // the starter student has labelled all of them, by another score than REASONING: rather no value than that one
    const constructive = ['perspective', 'student_reasoning', null];
    for (const labeler of labelers('constructive_labeler', false)) expect(constructive).toContain(labeler);
    for (const labeler of labelers('constructive_labeler', true))
      expect(constructive.slice(1)).toContain(labeler);
    expect(labelers('constructive_labeler', true)).toContain('student_reasoning');
  });

  it('an export says day by day which value came from where', async () => {
    const sources = await readWarehouse(small.config, (rows) =>
      rows<Source>('SELECT event_day, label_name, labeler, posts FROM export_daily_label_sources'),
    );
    const of = (label: string, isAfter: boolean): Set<string> =>
      new Set(
        sources
          .filter((row) => row.label_name === label && row.event_day >= switchDay === isAfter)
          .map((row) => row.labeler),
      );
    expect(of('toxic', false)).toEqual(new Set(['perspective', 'student_toxicity']));
    expect(of('toxic', true)).toEqual(new Set(['student_toxicity']));
    expect(of('moral_outrage', true)).toEqual(new Set(['student_moral_outrage']));
    expect(of('constructive', true)).toEqual(new Set(['student_reasoning']));
  });

  it('every arm goes on ranking, what came after the switch included', async () => {
    const { config, generated } = small;
    const summary = await rank({ config, dbt, asOfUs: generated.endUs, generation: 'after' });
    expect(summary.feeds).toBeGreaterThan(5);
    const engine = await openEngine();
    try {
      const rows = await engine.rows<{ arm: string; later: bigint; earlier: bigint }>(
        `SELECT feeds.arm, count(*) FILTER (WHERE posts.event_us >= epoch_us(${sqlText(switchDay)}::TIMESTAMP)) AS later,
           count(*) FILTER (WHERE posts.event_us < epoch_us(${sqlText(switchDay)}::TIMESTAMP)) AS earlier
         FROM read_parquet(${sqlText(path.join(config.lake, generationFiles('after').feeds))}, hive_partitioning = false) AS feeds
         JOIN read_parquet(${sqlText(path.join(config.lake, generationFiles('after').scored))}, hive_partitioning = false) AS posts
           USING (uri) GROUP BY feeds.arm`,
      );
      expect(rows.map((row) => row.arm).sort()).toEqual([
        'default',
        'engagement',
        'reverse_chronological',
        'treatment',
      ]);
      for (const { later } of rows) expect(Number(later)).toBeGreaterThan(0);
    } finally {
      await engine.close();
    }
  });

  it('the report shows the shift from double labels, and concludes nothing from two days', async () => {
    const { config, generated } = small;
    await observe({
      config,
      dbt,
      now: () => generated.endUs / 1000 + 60_000,
      probes: {
        fullness: async () => ({ share: 0.5, freeBytes: 2 ** 36, fileSystem: 'one' }),
        server: async () => ({ url: 'http://here', up: true, generation: null, reason: null }),
      },
    });
    const { rows } = await readSwitchOver(config);
    const toxic = rows.find((row) => row.unified_label === 'toxic');
    expect(toxic).toMatchObject({
      from_labeler: 'perspective',
      to_labeler: 'student_toxicity',
      is_enough: false,
      wanted_days: 14,
    });
    expect(toxic?.labelled_days).toBeLessThan(4);
    expect(toxic?.posts).toBeGreaterThan(100);
    expect(rows.some((row) => row.to_labeler === 'student_constructive')).toBe(false);
    expect(describeSwitchOver(rows).join('\n')).toMatch(/NO CONCLUSION: \d of 14 days/);

    const arms = (await readArmCoverage(config)).rows;
    expect(new Set(arms.map((row) => row.used_for))).toEqual(new Set(['ranking', 'outcome']));
    expect(arms.length).toBe(describeArmCoverage(arms).length);
    for (const { coverage } of arms) expect(coverage).toBeLessThanOrEqual(1);
  });

  it('what Perspective said until then is there to teach a student', async () => {
    const { config } = small;
    const engine = await openEngine();
    const publishes = `read_parquet(${sqlText(path.join(config.lake, 'training/publish=*/examples.parquet'))})`;
    const [found] = await engine
      .rows<{ newest: string; posts: bigint }>(
        `SELECT max(strftime(make_timestamp(event_us), '%Y-%m-%d')) AS newest, count(DISTINCT uri) AS posts FROM ${publishes}
         WHERE labeler = 'perspective'`,
      )
      .finally(() => engine.close());
    expect((found?.newest ?? '9') < switchDay).toBe(true);
    expect(Number(found?.posts)).toBeGreaterThan(500);
  });
});
