/** What is done to a lake as a whole: compared, copied, kept. */
export { copyLake, type CopyOptions, type CopySummary } from './copy.ts';
export { lifecycleOf, type LifecycleDays } from './lifecycle.ts';
export { verifyWholeLake, type WholeVerification } from './verify.ts';
