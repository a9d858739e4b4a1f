import type { Engine } from '../parquet/engine.ts';
import { sqlText } from '../parquet/engine.ts';
import { timeKeys } from './records.ts';
import type { WorldOptions } from './world.ts';

/** Mean probability of each label over all English posts. */
export interface LabelMeans {
  toxic: number;
  constructive: number;
  sociopolitical: number;
  moral_outrage: number;
}

/** Means over the study's 63 days, rounded: what is drawn with where no calibration file is given. */
export const defaultMeans: LabelMeans = {
  toxic: 0.13,
  constructive: 0.17,
  sociopolitical: 0.21,
  moral_outrage: 0.28,
};

/**
 * Reads means from a CSV with one row a day and columns `avg_prob_toxic`, `avg_prob_constructive`, `avg_is_political`,
 * `avg_prob_moral_outrage`.
 */
export async function readLabelMeans(engine: Engine, file: string): Promise<LabelMeans> {
  const [means] = await engine.rows<Record<keyof LabelMeans, number>>(`
    SELECT round(avg(avg_prob_toxic), 4) AS toxic, round(avg(avg_prob_constructive), 4) AS constructive,
      round(avg(avg_is_political), 4) AS sociopolitical, round(avg(avg_prob_moral_outrage), 4) AS moral_outrage
    FROM read_csv(${sqlText(file)}, header = true)`);
  return { ...defaultMeans, ...means };
}

export interface LabelOptions extends WorldOptions {
  means: LabelMeans;
  /** Version that a labeler's rows carry, by labeler. */
  versions: Record<string, string>;
  /** How many posts have an embedding, from the newest back. */
  embeddings: number;
}

/** Share of English posts by tone, as `makeWorld` draws them: the rest must make up what these take from the mean. */
const heated = 0.12;
const constructive = 0.18;

/** Mean of a label within a tone, so that the mean over all tones is the one asked for (never below 0.01). */
function meansByTone(overall: number, inHeated: number, inConstructive: number): string {
  const rest = (overall - heated * inHeated - constructive * inConstructive) / (1 - heated - constructive);
  return `CASE tone WHEN 'heated' THEN ${inHeated} WHEN 'constructive' THEN ${inConstructive} ELSE ${Math.max(0.01, rest).toFixed(6)} END`;
}

/** Queries for `labels/values` by labeler: most posts have a value, some failed first, some were never asked about. */
export function labelQueries(options: LabelOptions): Record<string, string> {
  const { means, versions } = options;
  const version = (labeler: string): string => sqlText(versions[labeler] ?? '1');
  const provenance = `NULL::DOUBLE AS latency_ms, NULL AS tokens_in, NULL AS tokens_out, NULL AS cost_usd, 'generated' AS run_id,
    event_us + 600000000 AS labelled_at, ${timeKeys('event_us + 600000000')}`;

  const numbered = (
    labeler: string,
    coverage: number,
    values: [label: string, mean: string, share: number][],
  ): string => {
    const name = sqlText(labeler);
    return `
      WITH asked AS (
        SELECT *, draw(concat('asked ', ${name}), i) AS u FROM world_posts WHERE language = 'en' AND draw(concat('covered ', ${name}), i) < ${coverage}
      ),
      answered AS (
        ${values
          .map(
            ([label, mean, share]) =>
              `SELECT i, uri, cid, event_us, ${sqlText(label)} AS "label", skewed(draw(concat(${name}, ${sqlText(` ${label}`)}), i) * 0.999 + 0.0005, ${mean}) AS score, 'ok' AS status, NULL AS "error", CASE WHEN u < 0.02 THEN 2 ELSE 1 END AS attempt
        FROM asked WHERE u < 0.985${share < 1 ? ` AND draw(concat('given ', ${sqlText(label)}), i) < ${share}` : ''}`,
          )
          .join('\n        UNION ALL BY NAME\n        ')}
        UNION ALL BY NAME
        SELECT i, uri, cid, event_us, '*' AS "label", NULL AS score,
          CASE WHEN u >= 0.995 THEN 'refused' ELSE 'failed' END AS status,
          CASE WHEN u >= 0.995 THEN 'FT_GENERATED: refused' ELSE 'FT_GENERATED: timed out' END AS "error", 1 AS attempt
        FROM asked WHERE u < 0.02 OR u >= 0.985
      )
      SELECT uri, cid, ${version(labeler)} AS version, "label", score, NULL AS text_value, status, "error", attempt, ${provenance}, ${name} AS labeler
      FROM answered`;
  };

  const toxic = meansByTone(means.toxic, 0.6, 0.05);
  const isConstructive = meansByTone(means.constructive, 0.05, 0.6);
  const political = meansByTone(means.sociopolitical, 0.75, 0.6);
  const outrage = meansByTone(means.moral_outrage, 0.8, 0.2);
  return {
    language: `
      SELECT uri, cid, ${version('language')} AS version, 'language' AS "label",
        round(0.85 + 0.15 * draw('language score', i), 6) AS score,
        -- the labeler is wrong once in two hundred
        CASE WHEN draw('language wrong', i) < 0.005 THEN 'nl' ELSE language END AS text_value,
        'ok' AS status, NULL AS "error", 1 AS attempt, ${provenance}, 'language' AS labeler
      FROM world_posts WHERE draw('language asked', i) < 0.98`,
    student_toxicity: numbered('student_toxicity', 0.97, [['toxic', toxic, 1]]),
    student_constructive: numbered('student_constructive', 0.97, [['constructive', isConstructive, 1]]),
    student_sociopolitical: numbered('student_sociopolitical', 0.97, [['sociopolitical', political, 1]]),
    student_moral_outrage: numbered('student_moral_outrage', 0.97, [['moral_outrage', outrage, 1]]),
    perspective: numbered('perspective', 0.6, [
      ['TOXICITY', toxic, 1],
      ['CONSTRUCTIVE', isConstructive, 0.7],
      ['REASONING', isConstructive, 1],
      ['MORAL_OUTRAGE', outrage, 1],
    ]),
  };
}

/** Query for `labels/embeddings`: 384 numbers of unit length, near each other where the tone and language are the same. */
export function embeddingQuery(options: LabelOptions): string {
  return `
    WITH drawn AS (
      SELECT uri, cid, event_us,
        list_transform(range(384), lambda k: (draw(concat('centre ', language, tone), k) - 0.5 + 0.8 * (draw(concat('embedding ', i), k) - 0.5))) AS numbers
      FROM world_posts WHERE i >= ${Math.max(0, options.posts - options.embeddings)}
    ),
    measured AS (
      SELECT *, sqrt(list_sum(list_transform(numbers, lambda v: v * v))) AS length FROM drawn
    )
    SELECT uri, cid, 'embeddings' AS labeler, ${sqlText(options.versions.embeddings ?? '1')} AS version,
      list_transform(numbers, lambda v: (v / length)::FLOAT) AS embedding,
      'generated' AS run_id, event_us + 900000000 AS labelled_at, ${timeKeys('event_us + 900000000')}
    FROM measured`;
}
