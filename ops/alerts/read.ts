import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openEngine, openLake, type Lake } from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { describeError } from '../errors/index.ts';
import {
  observed,
  plainRows,
  readCurrentObservation,
  readProbes,
  type CurrentObservation,
  type ProbeOptions,
  type Reading,
} from '../observe/index.ts';
import { redact } from '../telemetry/index.ts';
import { parseSeed } from './seed.ts';
import type { Alert } from './alert.ts';

export interface ReadAlertsOptions {
  config: Config;
  now?: () => number;
  probes?: Pick<ProbeOptions, 'fullness' | 'server'>;
}

export interface AlertsNow {
  /** Moment of the observation that most of them are from, microseconds UTC; null before the first, and without a lake. */
  observedUs: number | null;
  /** Those that page first, then the oldest. */
  alerts: Alert[];
}

type Rule = Pick<Alert, 'rule' | 'severity' | 'threshold' | 'unit' | 'watches' | 'what_to_do'>;

function rulesOf(config: Config): Map<string, Rule> {
  const text = readFileSync(path.join(config.projectRoot, 'seeds/alert_rules.csv'), 'utf8');
  return new Map(
    parseSeed(text).map((row) => [
      row.rule ?? '',
      { ...row, threshold: Number(row.threshold) } as unknown as Rule,
    ]),
  );
}

/** What is read off the machine at this moment, as fct_alerts would measure it. */
function measuredNow(
  readings: readonly Reading[],
): { rule: string; subject: string; value: number; detail: string | null }[] {
  const rules = {
    server: 'server_down',
    server_ready: 'server_not_ready',
    disk: 'disk_filling',
    spool: 'spool_waiting',
  };
  return readings.map(({ probe, subject, isOk, value, reason }) => ({
    rule: rules[probe],
    subject,
    value: probe === 'disk' || probe === 'spool' ? (value ?? 0) : isOk ? 0 : 1,
    detail: reason,
  }));
}

async function readPublished(config: Config, lake: Lake, current: CurrentObservation): Promise<Alert[]> {
  const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
  try {
    return await plainRows<Alert>(
      engine,
      `SELECT * EXCLUDE (publish) FROM ${observed(lake, current, 'alerts')}`,
    );
  } finally {
    await engine.close();
  }
}

/**
 * Alerts of the observation in force, without opening the warehouse. What can be read off this machine in a second, the feed
 * server, its disks and the spool, is read anew; and an observation that is too old is an alert by itself, so that a
 * pipeline that stands still can't look healthy. A lake that can't be read is an alert too, beside what the machine says.
 */
export async function readAlerts({ config, now = Date.now, probes }: ReadAlertsOptions): Promise<AlertsNow> {
  const lake = openLake(config.lake);
  const rules = rulesOf(config);
  const nowUs = Math.round(now() * 1000);
  const reading = readProbes({ config, now, ...probes });
  let current: CurrentObservation | null = null;
  let published: Alert[] = [];
  let lakeProblem: string | null = null;
  try {
    current = await readCurrentObservation(lake);
    if (current !== null) published = await readPublished(config, lake, current);
  } catch (error) {
    // of all moments this is one to tell of what can still be seen
    lakeProblem = redact(describeError(error)).slice(0, 500);
  }
  const live = measuredNow(await reading);
  live.push({
    rule: 'lake_down',
    subject: '',
    value: lakeProblem === null ? 0 : 1,
    detail: lakeProblem,
  });
  const began = (rule: string, subject: string): number | undefined =>
    published.find((one) => one.rule === rule && one.subject === subject)?.since_us;
  if (current !== null)
    live.push({
      rule: 'observation_old',
      subject: '',
      value: (nowUs - current.observed_us) / 1e6,
      detail: null,
    });
  const fires = live.flatMap(({ rule: name, subject, value, detail }): Alert[] => {
    const rule = rules.get(name);
    if (rule === undefined || value <= rule.threshold) return [];
    const since_us =
      began(name, subject) ??
      (rule.unit === 'seconds' ? Math.round(nowUs - (value - rule.threshold) * 1e6) : nowUs);
    const runbook = `docs/runbook/${name}.md`;
    return [{ ...rule, subject, measured_value: value, detail, runbook, since_us }];
  });
  const readLive = new Set(live.map(({ rule }) => rule));
  const alerts = [...published.filter((one) => !readLive.has(one.rule)), ...fires];
  const urgency = (alert: Alert): number => (alert.severity === 'page' ? 0 : 1);
  return {
    observedUs: current?.observed_us ?? null,
    alerts: alerts.toSorted(
      (a, b) => urgency(a) - urgency(b) || a.since_us - b.since_us || (a.rule < b.rule ? -1 : 1),
    ),
  };
}
