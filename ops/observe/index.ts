/** What is so with the pipeline as a whole: probes, models of models/observe, published as Parquet. */
export { observe, type ObserveOptions, type ObserveSummary } from './observe.ts';
export {
  observed,
  plainRows,
  readCurrentObservation,
  type CurrentObservation,
  type ObservationFile,
} from './observation.ts';
export { fullnessOf, readProbes, type Fullness, type ProbeOptions, type Reading } from './probes.ts';
