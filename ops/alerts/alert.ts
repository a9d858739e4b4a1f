/** One alert that fires, as fct_alerts has it. Times are microseconds UTC. */
export interface Alert {
  rule: string;
  /** What it is about, such as a stage or a labeler; '' where there is but one. */
  subject: string;
  severity: 'page' | 'ticket';
  measured_value: number;
  threshold: number;
  unit: string;
  detail: string | null;
  watches: string;
  what_to_do: string;
  runbook: string;
  since_us: number;
}

/** The same for one alert from beginning to end. */
export const alertKey = (alert: Pick<Alert, 'rule' | 'subject'>): string =>
  alert.subject === '' ? alert.rule : `${alert.rule} ${alert.subject}`;
