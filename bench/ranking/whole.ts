// `rank` as the CLI runs it: similarity, dbt with its tests, guardrails, the file for serving, hashes, manifest and pointer. What is
// measured is this process and the dbt worker below it, loaded and with the project parsed; their peaks are added.
import { openDbt } from '../../ops/dbt/index.ts';
import { rank } from '../../ops/cycle/rank.ts';
import { silenceProgress } from '../../ops/progress/index.ts';
import { dbtWorker } from '../dbt-worker.ts';
import type { Measured, WholeSettings } from './messages.ts';

const { config, asOfUs } = JSON.parse(process.argv[2] ?? '') as WholeSettings;
silenceProgress();
const dbt = await openDbt(config);
await dbt.run({ command: 'seed', select: ['arms'], exclude: ['test_type:unit'] });
const cpu = process.cpuUsage();
const before = dbtWorker();
const started = performance.now();
const { positions } = await rank({ config, dbt, asOfUs });
const used = process.cpuUsage(cpu);
const after = dbtWorker();
const measured: Measured = {
  seconds: (performance.now() - started) / 1000,
  cpuSeconds: (used.user + used.system) / 1e6 + after.cpuSeconds - before.cpuSeconds,
  peakRssMb: process.resourceUsage().maxRSS / 1024 + after.peakMb,
  rows: positions,
};
await dbt.close();
process.send?.(measured, () => process.exit(0));
