/** When a periodic job starts, UTC: at these minutes of these hours; without hours, of every hour. */
export interface Times {
  job: 'land' | 'cycle' | 'observe' | 'alerts' | 'compact' | 'backup' | 'export';
  minutes: number[];
  hours?: number[];
}

const every = (minutes: number): number[] => Array.from({ length: 60 / minutes }, (_, n) => n * minutes);

/** The schedule, as cron and systemd have it: a test holds the three together. */
export const times: Times[] = [
  { job: 'land', minutes: every(10) },
  { job: 'cycle', minutes: [5] },
  { job: 'observe', minutes: [20, 35, 50] },
  { job: 'alerts', minutes: every(5) },
  { job: 'backup', minutes: [10], hours: [2] },
  { job: 'compact', minutes: [10], hours: [3] },
  { job: 'export', minutes: [10], hours: [4] },
];

/** Jobs that start in the minute of a moment. */
export function due(nowMs: number): Times['job'][] {
  const now = new Date(nowMs);
  return times
    .filter(
      ({ minutes, hours }) =>
        minutes.includes(now.getUTCMinutes()) && (hours === undefined || hours.includes(now.getUTCHours())),
    )
    .map(({ job }) => job);
}
