/** What each arm would have shown, without showing it to anybody. */
export { plotSvg, plotText } from './plot.ts';
export { measures, type SimulatedArm, type SimulationReport } from './report.ts';
export { simulate, type SimulateOptions } from './simulate.ts';
