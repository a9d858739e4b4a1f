/** What is wrong now, and telling somebody. */
export { alertKey, type Alert } from './alert.ts';
export { describeAlerts } from './describe.ts';
export { notify, type Notified, type NotifyOptions } from './notify.ts';
export { readAlerts, type AlertsNow, type ReadAlertsOptions } from './read.ts';
export { parseSeed } from './seed.ts';
