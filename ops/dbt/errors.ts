import { EXIT, FeedtrialError } from '../errors/index.ts';
import type { DbtResult } from './result.ts';

/** A run in which dbt says that something failed; `result` has every node's outcome. */
export class DbtFailed extends FeedtrialError {
  readonly result: DbtResult;

  constructor(message: string, result: DbtResult, fix: string) {
    super('FT_DBT_FAILED', message, { fix });
    this.result = result;
  }
}

export const dbtErrors = {
  missing: (python: string) =>
    new FeedtrialError('FT_DBT_MISSING', `dbt is not installed: there is no ${python}`, {
      fix: "run 'npm run setup'",
      exitCode: EXIT.usage,
    }),
  busy: (warehouse: string, holder: string) =>
    new FeedtrialError('FT_DBT_BUSY', `${warehouse} is held by ${holder}`, {
      fix: 'wait for that run to end, or end it, and run the command again; an analyst explores in a database of their own over the same Parquet',
    }),
  died: (how: string, lastLines: string, logFile: string) =>
    new FeedtrialError(
      'FT_DBT_DIED',
      `the dbt worker ended in the middle of a run (${how})${lastLines === '' ? '' : `:\n${lastLines}`}`,
      {
        fix: `read ${logFile}; if the system killed it for memory, lower FEEDTRIAL_MEMORY_LIMIT or FEEDTRIAL_THREADS`,
      },
    ),
  aborted: () =>
    new FeedtrialError('FT_DBT_ABORTED', 'dbt was stopped before it had finished', {
      fix: 'run the command again: what was not finished is built then',
    }),
};
