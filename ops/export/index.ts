/** What leaves the warehouse for the research team: pseudonymised exports, partitioned, by version of their schema. */
export { exportModels, type ExportOptions, type ExportSummary, type ExportedModel } from './export.ts';
export { readManifests, versionFolder, type ExportManifest } from './manifest.ts';
