import { clock, span } from '../runs/index.ts';
import { alertKey, type Alert } from './alert.ts';
import type { AlertsNow } from './read.ts';

/** So many of something whose name is given in the plural: '1 gap', '3 gaps', '1 end in an hour'. */
export const numberOf = (value: number, units: string): string =>
  `${value} ${value === 1 ? units.replace(/\b(\w*[a-z])s\b/, '$1') : units}`;

/** A value with its unit: '12 min', '93 %', '3 gaps'. */
export function describeValue(value: number, unit: string): string {
  if (unit === 'seconds') return span(value);
  if (unit === 'share') return `${(100 * value).toFixed(1)} %`;
  if (unit === 'share of the target') return `${(100 * value).toFixed(0)} % of the target`;
  return numberOf(Number(value.toFixed(2)), unit);
}

/** One alert in three or four lines. */
export function describeAlert(alert: Alert, nowUs: number): string[] {
  const { severity, measured_value, threshold, unit, detail, what_to_do, runbook, since_us } = alert;
  return [
    `${severity.toUpperCase().padEnd(6)} ${alertKey(alert)}: ${describeValue(measured_value, unit)} (allowed ${describeValue(threshold, unit)}), since ${clock(since_us)} UTC, ${span(Math.max(0, (nowUs - since_us) / 1e6))}`,
    ...(detail === null ? [] : [`       ${detail.split('\n')[0]?.slice(0, 300)}`]),
    `       ${what_to_do}`,
    `       ${runbook}`,
  ];
}

export function describeAlerts({ alerts, observedUs }: AlertsNow, nowUs: number): string[] {
  const when =
    observedUs === null
      ? "nothing was observed yet: 'feedtrial cycle' or 'feedtrial observe' does"
      : `observed ${span(Math.max(0, (nowUs - observedUs) / 1e6))} ago; server, disks and spool just now`;
  if (alerts.length === 0) return ['no alert', when];
  return [...alerts.flatMap((alert) => describeAlert(alert, nowUs)), when];
}
