import type { RunRecord } from '../telemetry/index.ts';

/** One row of raw/runs, whether landed or still in the spool. Times are microseconds UTC. */
export type RunRow = RunRecord;

/** A stage as its rows tell it. */
export interface StageRun extends RunRow {
  /** When it began, microseconds UTC. */
  started_us: number;
  /** Of a killed one: whether a later run has written that it was. */
  isBuried: boolean;
}

/** A run with its stages, in the order in which they began. */
export interface Run {
  runId: string;
  dag: string;
  host: string;
  startedUs: number;
  durationS: number;
  /**
   * What its outermost stage says, which knows what its inner ones were for; without one, the worst of its stages. What
   * was read off the machine meanwhile (`probe.…`) is not of it: a feed server that is down fails no cycle.
   */
  status: string;
  stages: StageRun[];
}

const worstFirst = ['running', 'failed', 'killed', 'refused', 'partial', 'done'];

/**
 * Folds rows into stages and runs, newest run first. A stage that is 'running' by its last row, on this host, under a
 * process that is gone, was killed: the row that would have said so was never written.
 * @param isAlive asked for processes of `host` only
 */
export function foldRuns(rows: readonly RunRow[], host: string, isAlive: (pid: number) => boolean): Run[] {
  // a row that is being landed is in the spool and in the lake at the same time
  const distinct = new Map(
    rows.map((row) => [JSON.stringify([row.run_id, row.stage, row.pid, row.ts, row.status]), row]),
  );
  const began = (row: RunRow) => (row.status === 'running' ? 0 : 1);
  const stages = new Map<string, StageRun>();
  for (const row of [...distinct.values()].sort((a, b) => a.ts - b.ts || began(a) - began(b))) {
    // a stage may be entered several times in one run; a new 'running' row after an end begins another
    const key = JSON.stringify([row.run_id, row.stage, row.pid]);
    const known = stages.get(key);
    if (row.status === 'running') {
      if (known) stages.set(JSON.stringify([row.run_id, row.stage, row.pid, known.started_us]), known);
      stages.set(key, { ...row, started_us: row.ts, isBuried: false });
    } else
      stages.set(key, {
        ...row,
        // a 'killed' row was written when it was found, which says nothing of how long the stage ran
        ts: row.status === 'killed' ? (known?.ts ?? row.ts) : row.ts,
        started_us: known?.started_us ?? row.ts - row.duration_s * 1e6,
        isBuried: row.status === 'killed',
      });
  }
  const runs = new Map<string, StageRun[]>();
  for (const stage of stages.values()) {
    const dead = stage.status === 'running' && stage.host === host && !isAlive(stage.pid);
    const told = dead ? { ...stage, status: 'killed' } : stage;
    runs.set(stage.run_id, [...(runs.get(stage.run_id) ?? []), told]);
  }
  return [...runs.entries()]
    .map(([runId, found]): Run => {
      const inOrder = found.toSorted((a, b) => a.started_us - b.started_us);
      const [first] = inOrder as [StageRun, ...StageRun[]];
      const endUs = Math.max(...inOrder.map((s) => Math.max(s.ts, s.started_us + s.duration_s * 1e6)));
      return {
        runId,
        dag: first.dag,
        host: first.host,
        startedUs: first.started_us,
        durationS: (endUs - first.started_us) / 1e6,
        status:
          inOrder.find((stage) => stage.stage === stage.dag)?.status ??
          worstFirst.find((status) =>
            inOrder.some((stage) => stage.status === status && !stage.stage.startsWith('probe.')),
          ) ??
          first.status,
        stages: inOrder,
      };
    })
    .toSorted((a, b) => b.startedUs - a.startedUs);
}
