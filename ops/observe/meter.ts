import type { Engine, Lake } from '../../lake/index.ts';
import { gauge } from '../telemetry/index.ts';
import { observed, plainRows, type CurrentObservation } from './observation.ts';

/** Tells OpenTelemetry what an observation found. @returns how many alerts fire */
export async function meterObservation(
  lake: Lake,
  engine: Engine,
  current: CurrentObservation,
): Promise<number> {
  const read = <T>(sql: string) => plainRows<T>(engine, sql);
  const from = (file: Parameters<typeof observed>[2]) => observed(lake, current, file);

  const alerts = await read<{ rule: string; severity: string; n: number }>(
    `SELECT rule, severity, count(*) AS n FROM ${from('alerts')} GROUP BY ALL`,
  );
  for (const { rule, severity, n } of alerts) gauge('feedtrial.alerts.firing', n, { rule, severity });

  const [capture] = await read<{ operations: number | null; gaps: number | null }>(
    `SELECT arg_max(operations, hour_us) AS operations, sum(open_gaps)::BIGINT AS gaps FROM ${from('capture_hours')}`,
  );
  if (capture?.operations != null) gauge('feedtrial.capture.operations', capture.operations);
  if (capture?.gaps != null) gauge('feedtrial.capture.gap_hours', capture.gaps);
  const [measured] = await read<{ lag: number | null }>(
    `SELECT max(measured_value) AS lag FROM ${from('measured')} WHERE rule = 'capture_lag'`,
  );
  if (measured?.lag != null) gauge('feedtrial.capture.lag', measured.lag);

  for (const { labeler, share, waiting } of await read<{ labeler: string; share: number; waiting: number }>(
    `SELECT labeler, sum(labelled) / sum(posts) AS share, sum(waiting)::BIGINT AS waiting
     FROM ${from('label_coverage')}
     WHERE is_asked AND event_day::DATE > (SELECT max(event_day::DATE) - 3 FROM ${from('label_coverage')})
     GROUP BY labeler HAVING sum(posts) > 0`,
  )) {
    gauge('feedtrial.labels.coverage', share, { labeler });
    gauge('feedtrial.queue.posts', waiting, { labeler });
  }
  for (const day of await read<{ labeler: string; cost: number | null; failed: number; asks: number }>(
    `SELECT labeler, sum(cost_usd) AS cost, sum(failed)::BIGINT AS failed, sum(asks)::BIGINT AS asks FROM ${from('labeler_days')}
     WHERE labelled_day = (SELECT max(labelled_day) FROM ${from('labeler_days')}) GROUP BY labeler`,
  )) {
    if (day.cost !== null) gauge('feedtrial.labels.cost', day.cost, { labeler: day.labeler });
    gauge('feedtrial.labels.failed', day.asks === 0 ? 0 : day.failed / day.asks, { labeler: day.labeler });
  }
  for (const { stage, seconds } of await read<{ stage: string; seconds: number }>(
    `SELECT stage, seconds_since_success AS seconds FROM ${from('freshness')} WHERE seconds_since_success IS NOT NULL`,
  ))
    gauge('feedtrial.stage.age', seconds, { stage });
  for (const { probe, subject, value } of await read<{ probe: string; subject: string; value: number }>(
    `SELECT probe, subject, arg_max(measured_value, read_us) AS value FROM ${from('probes')}
     WHERE measured_value IS NOT NULL GROUP BY ALL`,
  )) {
    if (probe === 'disk') gauge('feedtrial.disk.fullness', value, { place: subject });
    if (probe === 'spool') gauge('feedtrial.spool.waiting', value);
    if (probe === 'server') gauge('feedtrial.server.up', value);
  }
  const [newest] = await read<{ latency: number | null; answers: number | null }>(
    `SELECT arg_max(latency_ms_p99, served_hour) AS latency, arg_max(answers, served_hour) AS answers
     FROM (SELECT served_hour, max(latency_ms_p99) AS latency_ms_p99, sum(answers)::BIGINT AS answers
           FROM ${from('arm_hours')} GROUP BY served_hour)`,
  );
  if (newest?.latency != null) gauge('feedtrial.serve.latency', newest.latency);
  if (newest?.answers != null) gauge('feedtrial.serve.answers', newest.answers);
  return alerts.reduce((sum, { n }) => sum + n, 0);
}
