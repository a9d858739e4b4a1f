export { redact, type RedactOptions, type RedactStep, type RedactSummary } from './redact.ts';
