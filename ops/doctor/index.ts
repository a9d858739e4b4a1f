/** Every prerequisite and setting, each failure with its fix. */
export type { Finding } from './check.ts';
export { examine, type ExamineOptions } from './examine.ts';
