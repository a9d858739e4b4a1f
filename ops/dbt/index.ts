/** dbt as a resident process: started once, asked many times. */
export { openDbt, type Dbt, type DbtRunOptions, type OpenDbtOptions } from './open.ts';
export { sourceFreshness, type SourceFreshness } from './freshness.ts';
export { DbtFailed } from './errors.ts';
export { dbtFolders, pythonOf, type DbtFolders } from './environment.ts';
export { firstErrorLine, type DbtNodeResult, type DbtResult } from './result.ts';
