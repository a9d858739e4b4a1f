export { startTelemetry, type Telemetry } from './start.ts';
export { log } from './log.ts';
export {
  runStage,
  newRunId,
  writeRunRecords,
  type RunRecord,
  type StageContext,
  type StageOptions,
} from './runs.ts';
export { count, gauge, measure } from './metrics.ts';
export { redact } from './redact.ts';
