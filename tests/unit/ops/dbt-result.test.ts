import { describe, expect, test } from 'vitest';
import {
  firstErrorLine,
  leftForMemory,
  lockHolder,
  resultOf,
  type DbtAnswer,
} from '../../../ops/dbt/result.ts';

const node = (given: Partial<DbtAnswer['results'][number]>): DbtAnswer['results'][number] => ({
  unique_id: 'model.feedtrial.m',
  name: 'm',
  resource_type: 'model',
  path: 'models/m.sql',
  status: 'success',
  message: 'OK',
  failures: null,
  seconds: 1,
  timing: {},
  compiled_path: null,
  ...given,
});
const answer = (given: Partial<DbtAnswer>): DbtAnswer => ({
  success: true,
  exception: null,
  results: [],
  seconds: 1,
  ...given,
});

describe("dbt's answer", () => {
  test('the first line that says something is the error, not the one that names the node', () => {
    const message =
      'Runtime Error in model m (models/m.sql)\n  Binder Error: no column "x"\n  LINE 3: select x';
    expect(firstErrorLine(message)).toBe('Binder Error: no column "x"');
    expect(firstErrorLine('Got 3 results, configured to fail if != 0')).toMatch(/^Got 3/);
    expect(firstErrorLine(null)).toBe('');
  });

  test('a lock is recognised with its holder', () => {
    const message =
      'IO Error: Could not set lock on file "/w/f.duckdb": Conflicting lock is held in /usr/bin/python3.11 (PID 4711) by user u.';
    expect(lockHolder(answer({ success: false, exception: message }))).toBe(
      'process 4711 (/usr/bin/python3.11)',
    );
    expect(lockHolder(answer({ results: [node({ status: 'error', message })] }))).toContain('4711');
    expect(lockHolder(answer({ success: false, exception: 'Parser Error: lock' }))).toBeNull();
  });

  test('what failed for memory alone is left with what was skipped for it; anything else that fails is no such case', () => {
    const message =
      'Runtime Error in model b (b.sql)\n  Out of Memory Error: failed to pin block of size 256.0 KiB';
    const results = [
      node({ name: 'a' }),
      node({ name: 'b', status: 'error', message }),
      node({ name: 'c', status: 'skipped' }),
    ];
    expect(leftForMemory(results)).toEqual(['b', 'c']);
    expect(leftForMemory([...results, node({ status: 'fail', message: 'Got 1 result' })])).toBeNull();
    expect(leftForMemory([node({ status: 'skipped' })])).toBeNull();
  });

  test('warnings and skips fail nothing; errors and failing tests do, and a test tells where its SQL is', () => {
    const fine = answer({ results: [node({}), node({ status: 'warn' }), node({ status: 'skipped' })] });
    expect(resultOf('build', fine, 'dbt.log').nodes).toHaveLength(3);
    const bad = answer({
      success: false,
      results: [
        node({ status: 'error', message: 'Runtime Error in model m (models/m.sql)\n  it broke' }),
        node({
          name: 'unique_m',
          resource_type: 'test',
          status: 'fail',
          failures: 2,
          message: 'Got 2 results',
          compiled_path: 'target/compiled/unique_m.sql',
        }),
        node({ status: 'skipped' }),
      ],
    });
    expect(() => resultOf('build', bad, 'dbt.log')).toThrow(
      'dbt build: 2 of 3 failed, 1 skipped for that\n  model m: it broke\n  test unique_m: Got 2 results (target/compiled/unique_m.sql)',
    );
  });

  test('a failure without a failed node is told in the words of dbt', () => {
    expect(() => resultOf('build', answer({ success: false, exception: 'no profile' }), 'dbt.log')).toThrow(
      'dbt build failed: no profile',
    );
  });
});
