/** What labels did: their shift where labelers are switched, and their coverage by arm, from the last observation. */
export { describeArmCoverage, describeSwitchOver } from './describe.ts';
export { readArmCoverage, readSwitchOver, type ArmCoverage, type SwitchOver } from './read.ts';
