import { writeRunRecords, type RunRecord } from '../telemetry/index.ts';
import type { Config } from '../config/index.ts';
import type { Run } from './fold.ts';

export interface BuryOptions {
  config: Config;
  /** Runs as `readRuns` tells them: stages whose process is gone are 'killed' there. */
  runs: readonly Run[];
  /** A run whose holder is known to be dead, such as one on another machine whose lease was taken over. */
  deadRunId?: string;
  /** Run that found them dead. */
  foundBy: string;
  now?: () => number;
}

/**
 * Writes the last word of stages that were killed before they could say it: a 'killed' row each, in their own name, so that
 * `raw/runs` tells it to SQL as well. Saying it twice is harmless.
 * @returns the stages that it spoke for
 */
export async function buryDead(options: BuryOptions): Promise<RunRecord[]> {
  const { config, runs, deadRunId, foundBy, now = Date.now } = options;
  const dead = runs.flatMap((run) =>
    run.stages.filter(
      (stage) =>
        (stage.status === 'killed' && !stage.isBuried) ||
        (stage.status === 'running' && run.runId === deadRunId),
    ),
  );
  const rows = dead.map(({ dag, run_id, stage, host, pid, trace_id }): RunRecord => ({
    ts: Math.round(now() * 1000),
    dag,
    run_id,
    stage,
    records: null,
    duration_s: 0, // nobody saw when
    status: 'killed',
    host,
    pid,
    error: 'FT_RUN_KILLED: the process ended without a word',
    trace_id,
    detail: JSON.stringify({ found_by: foundBy }),
  }));
  await writeRunRecords(config, rows, now);
  return rows;
}
