import type { Run } from './fold.ts';

/** A span of time in words that fit a column: '4 s', '12 min', '3.5 h', '2 days'. */
export function span(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${(seconds / 3_600).toFixed(1)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** A moment as 'YYYY-MM-DD HH:MM:SS', UTC. */
export const clock = (us: number): string => new Date(us / 1000).toISOString().slice(0, 19).replace('T', ' ');

const firstLine = (text: string) => text.split('\n')[0] ?? '';

/** One line a run. */
export function describeRuns(runs: readonly Run[]): string[] {
  return runs.map((run) => {
    const bad = run.stages.filter((s) => !['done', 'running'].includes(s.status));
    const why = bad.find((s) => s.error !== null)?.error;
    const which = bad
      .filter((s) => s.stage !== run.dag)
      .map((s) => `${s.stage} ${s.status}`)
      .join(', ');
    const note = [which, why ? firstLine(why).slice(0, 100) : ''].filter(Boolean).join(': ');
    return `${clock(run.startedUs)}  ${run.runId}  ${run.dag.padEnd(9)} ${run.status.padEnd(8)} ${span(run.durationS).padStart(8)}${note === '' ? '' : `  ${note}`}`;
  });
}

/** A run in full: its stages, what each handled, and why one failed. */
export function describeRun(run: Run): string[] {
  const stages = run.stages.flatMap((s) => {
    const records = s.records === null ? '' : `${s.records} records`;
    const head = `  ${clock(s.started_us)}  ${s.stage.padEnd(20)} ${s.status.padEnd(8)} ${span(s.duration_s).padStart(8)}  ${records}`;
    const error = s.error === null ? [] : s.error.split('\n').map((line) => `      ${line}`);
    const detail = s.detail === null ? [] : [`      ${s.detail}`];
    return [head.trimEnd(), ...error, ...detail];
  });
  return [`${run.runId}  ${run.dag} on ${run.host}: ${run.status}, ${span(run.durationS)}`, ...stages];
}
