import os from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { SpanStatusCode, trace } from '@opentelemetry/api';
import { openSegmentWriter } from '../../lake/segments/index.ts';
import type { Config } from '../config/index.ts';
import { count, measure } from './metrics.ts';
import { redact } from './redact.ts';
import { EXIT, FeedtrialError, describeError } from '../errors/index.ts';

export interface StageOptions {
  config: Config;
  /** What ran: 'cycle', 'demo', or the command by itself. */
  dag: string;
  /** Shared by the stages of one run. */
  runId: string;
  stage: string;
  now?: () => number;
}

/** Handed to a stage's work, to say what it did. */
export interface StageContext {
  readonly runId: string;
  /** Rows handled; stays null where a stage counts none. */
  records: number | null;
  /** Whatever else is worth keeping; becomes JSON in `detail`. */
  detail: Record<string, unknown>;
  /** Set to 'partial' where part of the work could not be done; 'failed' or 'refused' where none could and nothing is thrown. */
  outcome: 'done' | 'partial' | 'failed' | 'refused';
}

/** One row of `raw/runs` before it is landed. Times are microseconds UTC. */
export interface RunRecord {
  ts: number;
  dag: string;
  run_id: string;
  stage: string;
  records: number | null;
  duration_s: number;
  status: string;
  host: string;
  pid: number;
  error: string | null;
  trace_id: string | null;
  detail: string | null;
}

/** Writes run records into the spool, durably. `runStage` does it for a stage; others speak for what could not. */
export async function writeRunRecords(
  config: Config,
  rows: readonly RunRecord[],
  now: () => number = Date.now,
): Promise<void> {
  if (rows.length === 0) return;
  const writer = openSegmentWriter({ spool: config.spool, stream: 'runs', format: 'runs/1', now });
  writer.append(rows.map((row) => `${JSON.stringify(row)}\n`).join(''), rows.length, null);
  await writer.close();
}

/** Time-ordered id of a run, such as '20261122T101500Z-3f9a1c'. */
export function newRunId(nowMs = Date.now()): string {
  const stamp = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${stamp}-${randomBytes(3).toString('hex')}`;
}

/**
 * Runs a stage inside a span and leaves its run record: a 'running' line before the work begins and one of how it ended
 * after it, in the spool's `runs` stream, which landing moves to `raw/runs`. The first names its spool, where the other can be waiting
 * when the first has landed. A process that dies leaves only the first: `status` shows it as killed.
 */
export async function runStage<T>(
  options: StageOptions,
  work: (stage: StageContext) => Promise<T>,
): Promise<T> {
  const { config, dag, runId, stage, now = Date.now } = options;
  const startedMs = now();
  const context: StageContext = { runId, records: null, detail: {}, outcome: 'done' };
  return trace.getTracer('feedtrial').startActiveSpan(`${dag}.${stage}`, async (span) => {
    span.setAttributes({ 'feedtrial.run_id': runId, 'feedtrial.stage': stage });
    const record = async (
      status: string,
      error: string | null,
      detail: object = context.detail,
    ): Promise<void> => {
      const row: RunRecord = {
        ts: Math.round(now() * 1000),
        dag,
        run_id: runId,
        stage,
        records: context.records,
        duration_s: (now() - startedMs) / 1000,
        status,
        host: os.hostname(),
        pid: process.pid,
        error,
        trace_id: span.isRecording() ? span.spanContext().traceId : null,
        detail: Object.keys(detail).length > 0 ? JSON.stringify(detail) : null,
      };
      await writeRunRecords(config, [row], now);
    };
    await record('running', null, { spool: path.resolve(config.spool) });
    const meter = (status: string): void => {
      measure('feedtrial.stage.duration', (now() - startedMs) / 1000, { dag, stage, status });
      count('feedtrial.stage.runs', 1, { dag, stage, status });
      if (context.records !== null) count('feedtrial.stage.records', context.records, { dag, stage });
    };
    try {
      const value = await work(context);
      meter(context.outcome);
      await record(context.outcome, null);
      return value;
    } catch (error) {
      const refused = error instanceof FeedtrialError && error.exitCode === EXIT.refused;
      const reason = redact(describeError(error)).slice(0, 2000);
      span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
      meter(refused ? 'refused' : 'failed');
      await record(refused ? 'refused' : 'failed', reason);
      throw error;
    } finally {
      if (context.records !== null) span.setAttribute('feedtrial.records', context.records);
      span.end();
    }
  });
}
