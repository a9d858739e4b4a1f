import { setTimeout as sleep } from 'node:timers/promises';
import type { Athena, QueryExecution } from '@aws-sdk/client-athena';
import { createProgress } from '../progress/index.ts';
import { athenaErrors, explained } from './errors.ts';

/** What Athena asks for each terabyte that it scans, US dollars: the list price of us-east-1, November 2026. */
export const usdPerTerabyte = 5;
/** It counts at least so much a query. */
const leastBytes = 10_000_000;

export interface QueryOptions {
  athena: Athena;
  sql: string;
  database: string;
  /** `s3://…`; null leaves it to the workgroup. */
  outputLocation: string | null;
  workgroup?: string;
  /** Stops a query that has scanned more. */
  maxBytes?: number;
  signal?: AbortSignal;
  pollMs?: number;
}

export interface QueryResult {
  id: string;
  columns: { name: string; type: string }[];
  /** As Athena gives them, as text; null where null. */
  rows: (string | null)[][];
  bytesScanned: number;
  costUsd: number;
  seconds: number;
  /** Where Athena put the result. */
  output: string | null;
}

export const costOf = (bytesScanned: number): number =>
  bytesScanned === 0 ? 0 : (Math.max(bytesScanned, leastBytes) / 1e12) * usdPerTerabyte;

const scannedBy = (execution: QueryExecution | undefined): number =>
  Number(execution?.Statistics?.DataScannedInBytes ?? 0);

/** Waits for the end of a query; stops it where it scans too much or nobody waits any more. */
async function wait(options: QueryOptions, id: string): Promise<QueryExecution> {
  const { athena, maxBytes = Infinity, signal, pollMs = 500 } = options;
  const progress = createProgress({ label: 'athena' });
  for (;;) {
    const { QueryExecution: execution } = await athena.getQueryExecution({ QueryExecutionId: id });
    const state = execution?.Status?.State ?? 'UNKNOWN';
    const bytes = scannedBy(execution);
    progress.note(
      `${state.toLowerCase()}, ${(bytes / 1e6).toFixed(1)} MB scanned, ${costOf(bytes).toFixed(5)} USD`,
    );
    if (state === 'SUCCEEDED') {
      progress.done();
      return execution ?? {};
    }
    if (['FAILED', 'CANCELLED', 'UNKNOWN'].includes(state))
      throw athenaErrors.failed(id, state, execution?.Status?.StateChangeReason ?? 'no reason was given');
    if (bytes > maxBytes || signal?.aborted) {
      await athena.stopQueryExecution({ QueryExecutionId: id });
      if (signal?.aborted) throw athenaErrors.failed(id, 'CANCELLED', 'it was stopped from here');
      throw athenaErrors.tooMuch(id, bytes, maxBytes);
    }
    await sleep(pollMs);
  }
}

/**
 * Runs one statement in Athena and brings its result.
 * @throws FeedtrialError FT_ATHENA_QUERY_FAILED, FT_ATHENA_LIMIT (exit 4), FT_ATHENA_AWS
 */
export async function runQuery(options: QueryOptions): Promise<QueryResult> {
  const { athena, sql, database, outputLocation, workgroup } = options;
  const startedMs = performance.now();
  return explained('the query', async () => {
    const { QueryExecutionId: id = '' } = await athena.startQueryExecution({
      QueryString: sql,
      QueryExecutionContext: { Database: database },
      ...(outputLocation === null ? {} : { ResultConfiguration: { OutputLocation: outputLocation } }),
      ...(workgroup === undefined ? {} : { WorkGroup: workgroup }),
    });
    const execution = await wait(options, id);
    const rows: (string | null)[][] = [];
    let columns: QueryResult['columns'] = [];
    let NextToken: string | undefined;
    do {
      const page = await athena.getQueryResults({
        QueryExecutionId: id,
        ...(NextToken ? { NextToken } : {}),
      });
      if (columns.length === 0)
        columns = (page.ResultSet?.ResultSetMetadata?.ColumnInfo ?? []).map(
          ({ Name = '', Type = 'varchar' }) => ({
            name: Name,
            type: Type,
          }),
        );
      for (const { Data = [] } of page.ResultSet?.Rows ?? [])
        rows.push(Data.map(({ VarCharValue }) => VarCharValue ?? null));
      NextToken = page.NextToken;
    } while (NextToken);
    // of a SELECT the first row holds the names of the columns
    if (rows.length > 0 && columns.length > 0 && rows[0]?.every((value, i) => value === columns[i]?.name))
      rows.shift();
    const bytesScanned = scannedBy(execution);
    return {
      id,
      columns,
      rows,
      bytesScanned,
      costUsd: costOf(bytesScanned),
      seconds: (performance.now() - startedMs) / 1000,
      output: execution.ResultConfiguration?.OutputLocation ?? null,
    };
  });
}
