import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { land } from '../../../extract/land/index.ts';
import { openEngine } from '../../../lake/index.ts';
import { readRuns } from '../../../ops/runs/index.ts';
import { newRunId, runStage, writeRunRecords } from '../../../ops/telemetry/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';

test('takes the end of a stage from the spool that it waits in, whichever job of the machine asks', async () => {
  const folder = temporaryFolder();
  const config = configIn(folder);
  const other = { ...config, spool: path.join(folder, 'other-spool') };
  const engine = await openEngine();
  onTestFinished(() => engine.close());

  const ts = Date.now() * 1000;
  const died = { ts, dag: 'died', run_id: newRunId(), stage: 'died', status: 'running', host: os.hostname() };
  await writeRunRecords(other, [
    {
      ...died,
      pid: 1,
      records: null,
      duration_s: 0,
      error: null,
      trace_id: null,
      detail: JSON.stringify({ spool: other.spool }),
    },
  ]);
  // a job that lands takes its own beginning along, and says how it ended after that
  await runStage({ config: other, dag: 'ended', runId: newRunId(), stage: 'ended' }, () =>
    land({ config: other }),
  );

  const runs = await readRuns({ config, engine, sinceUs: 0, alive: () => false });
  expect(Object.fromEntries(runs.map(({ dag, status }) => [dag, status]))).toEqual({
    ended: 'done',
    died: 'killed',
    land: 'done',
  });
});
