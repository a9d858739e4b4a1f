/** What is so, and what to do next, on one screen. */
export { describeStatus } from './describe.ts';
export { lastDurableEventUs, nextSteps, type Status } from './next.ts';
export { readStatus } from './read.ts';
