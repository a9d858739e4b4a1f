import { createHmac } from 'node:crypto';
import { openEngine, openLake } from '../../lake/index.ts';
import type { Alert } from '../alerts/index.ts';
import type { Config } from '../config/index.ts';
import {
  observed,
  plainRows,
  readCurrentObservation,
  type CurrentObservation,
  type ObservationFile,
} from '../observe/index.ts';
import { dashboardErrors } from './errors.ts';

/** All that the page shows, read from one observation. Times are microseconds UTC. */
export interface DashboardData {
  study: string;
  observedUs: number;
  /** False where arms are letters. */
  isUnblinded: boolean;
  alerts: Alert[];
  captureHours: {
    hour_us: number;
    operations: number;
    rejected_events: number;
    open_gaps: number;
    is_silent: boolean;
    is_complete: boolean;
    is_explained: boolean;
  }[];
  coverage: { event_day: string; labeler: string; posts: number; labelled: number; coverage: number }[];
  labelerDays: {
    labelled_day: string;
    labeler: string;
    asks: number;
    failed: number;
    cost_usd: number | null;
  }[];
  generations: {
    arm: string;
    ranked_us: number;
    feeds: number;
    positions: number;
    labelled_positions: number;
    mean_toxic: number | null;
    mean_constructive: number | null;
    in_network_share: number;
    superposter_share: number;
  }[];
  armHours: {
    served_us: number;
    arm: string;
    answers: number;
    participants: number;
    positions: number;
    fallbacks: number;
    latency_ms_median: number;
    latency_ms_p99: number;
  }[];
  stages: {
    stage: string;
    kind: string;
    seconds_since_success: number | null;
    allowed_seconds: number | null;
    last_status: string | null;
    is_on_time: boolean;
  }[];
  runs: { stage: string; status: string; started_us: number; duration_s: number }[];
  probes: { probe: string; subject: string; measured_value: number | null; read_us: number }[];
}

/**
 * Names of arms as letters, until the study is unblinded. Which letter is which comes from a hash of the study and the arm, so
 * that it stays the same from day to day, and the order says nothing.
 */
export function maskArms(study: string, arms: readonly string[]): Map<string, string> {
  const named = arms.filter((arm) => !['default', '_none'].includes(arm));
  const order = (arm: string): string =>
    createHmac('sha256', `feedtrial arms of ${study}`).update(arm).digest('hex');
  const masked = new Map(
    [...new Set(named)]
      .toSorted((a, b) => (order(a) < order(b) ? -1 : 1))
      .map((arm, at) => [arm, `Arm ${String.fromCharCode(65 + at)}`]),
  );
  masked.set('default', 'Default feed');
  masked.set('_none', 'Others');
  return masked;
}

export interface ReadDashboardOptions {
  config: Config;
  /** Shows the arms by their names. */
  unblinded?: boolean;
  /** How far back plots go. */
  days?: number;
}

/**
 * Reads the observation in force.
 * @throws FeedtrialError FT_DASHBOARD_NOTHING before the first
 */
export async function readDashboard(options: ReadDashboardOptions): Promise<DashboardData> {
  const { config, unblinded = false, days = 30 } = options;
  const lake = openLake(config.lake);
  const current: CurrentObservation | null = await readCurrentObservation(lake);
  if (current === null) throw dashboardErrors.nothing();
  const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
  try {
    const from = (file: ObservationFile): string => observed(lake, current, file);
    const rows = <T>(sql: string): Promise<T[]> => plainRows<T>(engine, sql);
    const sinceUs = current.observed_us - days * 86_400e6;
    const day = (us: number): string => new Date(us / 1000).toISOString().slice(0, 10);
    const since = `'${day(sinceUs)}'`;
    const data: DashboardData = {
      study: config.study,
      observedUs: current.observed_us,
      isUnblinded: unblinded,
      alerts: await rows(`SELECT * FROM ${from('alerts')} ORDER BY severity, since_us`),
      captureHours: await rows(
        `SELECT hour_us, operations, rejected_events, open_gaps, is_silent, is_complete, is_explained
         FROM ${from('capture_hours')} WHERE hour_us >= ${sinceUs} ORDER BY hour_us`,
      ),
      coverage: await rows(
        `SELECT event_day, labeler, posts, labelled, coverage FROM ${from('label_coverage')}
         WHERE is_asked AND event_day >= ${since} ORDER BY event_day, labeler`,
      ),
      labelerDays: await rows(
        `SELECT labelled_day, labeler, sum(asks)::BIGINT AS asks, sum(failed)::BIGINT AS failed, sum(cost_usd) AS cost_usd
         FROM ${from('labeler_days')} WHERE labelled_day >= ${since} GROUP BY ALL ORDER BY labelled_day, labeler`,
      ),
      generations: await rows(
        `SELECT arm, ranked_us, feeds, positions, labelled_positions, mean_toxic, mean_constructive, in_network_share, superposter_share
         FROM ${from('arm_generations')} WHERE ranked_us >= ${sinceUs} ORDER BY ranked_us, arm`,
      ),
      armHours: await rows(
        `SELECT epoch_us(strptime(served_hour, '%Y-%m-%dT%H')) AS served_us, arm, answers, participants, positions,
           fallbacks, latency_ms_median, latency_ms_p99
         FROM ${from('arm_hours')} WHERE served_hour >= ${since} ORDER BY served_hour, arm`,
      ),
      stages: await rows(
        `SELECT stage, kind, seconds_since_success, allowed_seconds, last_status, is_on_time FROM ${from('freshness')}
         WHERE last_status IS NOT NULL OR NOT is_on_time ORDER BY kind, stage`,
      ),
      runs: await rows(
        `SELECT stage, status, started_us, duration_s FROM ${from('pipeline_runs')}
         WHERE started_us >= ${sinceUs} AND stage NOT LIKE 'probe.%' ORDER BY started_us`,
      ),
      probes: await rows(
        `SELECT probe, subject, measured_value, read_us FROM ${from('probes')} WHERE read_us >= ${sinceUs} ORDER BY read_us`,
      ),
    };
    if (unblinded) return data;
    const masked = maskArms(config.study, [
      ...data.generations.map(({ arm }) => arm),
      ...data.armHours.map(({ arm }) => arm),
    ]);
    const mask = <T extends { arm: string }>(row: T): T => ({ ...row, arm: masked.get(row.arm) ?? 'Arm' });
    // an error or a detail may name an arm: it is for the operator's terminal, not for this page
    const names = [...masked.keys()].filter((arm) => !['default', '_none'].includes(arm));
    const silent = (text: string | null): string | null =>
      text === null
        ? null
        : names.reduce((said, arm) => said.replaceAll(arm, masked.get(arm) ?? 'arm'), text);
    return {
      ...data,
      generations: data.generations.map(mask),
      armHours: data.armHours.map(mask),
      alerts: data.alerts.map((alert) => ({ ...alert, detail: silent(alert.detail) })),
    };
  } finally {
    await engine.close();
  }
}
