import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeRun, describeRuns, foldRuns, span, type RunRow } from '../../../ops/runs/index.ts';

const row = (given: Partial<RunRow>): RunRow => ({
  ts: 1_000_000_000,
  dag: 'cycle',
  run_id: 'r1',
  stage: 'cycle',
  records: null,
  duration_s: 0,
  status: 'running',
  host: 'here',
  pid: 1,
  error: null,
  trace_id: null,
  detail: null,
  ...given,
});
const at = (seconds: number) => 1_000_000_000 + seconds * 1e6;

describe('run records fold into runs', () => {
  test('a stage that ended shows how, and how long it took', () => {
    const [run] = foldRuns(
      [row({}), row({ ts: at(4), status: 'done', duration_s: 4, records: 7 })],
      'here',
      () => false,
    );
    expect(run).toMatchObject({ status: 'done', durationS: 4, startedUs: at(0) });
    expect(run?.stages).toHaveLength(1);
    expect(run?.stages[0]?.records).toBe(7);
  });

  test('a stage under a process that is gone was killed, on this host alone', () => {
    const rows = [row({}), row({ run_id: 'r2', host: 'elsewhere' }), row({ run_id: 'r3', pid: 2 })];
    const status = Object.fromEntries(
      foldRuns(rows, 'here', (pid) => pid === 2).map((r) => [r.runId, r.status]),
    );
    expect(status).toEqual({ r1: 'killed', r2: 'running', r3: 'running' });
  });

  test('a stage that is entered twice in a run is two stages', () => {
    const rows = [
      row({ stage: 'transform' }),
      row({ stage: 'transform', ts: at(3), status: 'done', duration_s: 3 }),
      row({ stage: 'transform', ts: at(10) }),
      row({ stage: 'transform', ts: at(12), status: 'failed', duration_s: 2, error: 'FT_X: no' }),
    ];
    const [run] = foldRuns(rows, 'here', () => true);
    expect(run?.stages.map((s) => [s.status, s.started_us])).toEqual([
      ['done', at(0)],
      ['failed', at(10)],
    ]);
    expect(run?.status).toBe('failed');
  });

  test('what the outermost stage says is what the run was', () => {
    const rows = [
      row({}),
      row({ stage: 'enrich', ts: at(1) }),
      row({ stage: 'enrich', ts: at(2), status: 'failed', duration_s: 1, error: 'FT_E: broke\nmore' }),
      row({ ts: at(3), status: 'partial', duration_s: 3 }),
    ];
    const [run] = foldRuns(rows, 'here', () => true);
    expect(run?.status).toBe('partial');
    expect(describeRuns([run as NonNullable<typeof run>])[0]).toMatch(
      /partial .* enrich failed: FT_E: broke$/,
    );
    expect(describeRun(run as NonNullable<typeof run>).join('\n')).toContain('FT_E: broke\n      more');
  });

  test('what was read off the machine meanwhile says nothing of how a run went', () => {
    const rows = [
      row({ dag: 'demo' }),
      row({
        dag: 'demo',
        stage: 'probe.server',
        ts: at(1),
        status: 'failed',
        error: 'nothing listens there',
      }),
      row({ dag: 'demo', ts: at(3), status: 'done', duration_s: 3 }),
    ];
    expect(foldRuns(rows, 'here', () => true)[0]?.status).toBe('done');
  });

  test('rows that come twice, in any order, from spool and lake change nothing', () => {
    const rows = [
      row({}),
      row({ stage: 'land', ts: at(0) }),
      row({ stage: 'land', ts: at(0), status: 'done' }),
      row({ stage: 'land', ts: at(5) }),
      row({ stage: 'land', ts: at(6), status: 'failed', duration_s: 1 }),
      row({ ts: at(7), status: 'done', duration_s: 7 }),
      row({ run_id: 'r0', ts: at(-9), pid: 3 }),
    ];
    const expected = foldRuns(rows, 'here', () => true);
    fc.assert(
      fc.property(
        fc.shuffledSubarray(rows, { minLength: rows.length }),
        fc.subarray(rows),
        (shuffled, again) => {
          const byStart = (runs: typeof expected) =>
            runs.map((run) => ({ ...run, stages: run.stages.map((s) => JSON.stringify(s)).sort() }));
          expect(byStart(foldRuns([...shuffled, ...again], 'here', () => true))).toEqual(byStart(expected));
        },
      ),
    );
  });
});

test('a span of time is a number and a unit, growing', () => {
  expect([3.04, 45, 600, 7_200, 400_000].map(span)).toEqual(['3.0 s', '45 s', '10 min', '2.0 h', '5 days']);
});
