export { startTelemetry, type Telemetry } from './start.ts';
export { log } from './log.ts';
export { runStage, newRunId, type StageContext, type StageOptions } from './runs.ts';
export { count, measure } from './metrics.ts';
export { redact } from './redact.ts';
