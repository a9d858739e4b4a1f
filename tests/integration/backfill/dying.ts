import { backfillRepositories } from '../../../extract/backfill/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { loadConfig } from '../../../ops/config/index.ts';

// A backfill in a process of its own, that kills itself after so many steps: as a power cut would.

silenceProgress();
const [plcUrl = '', steps = '', ...dids] = process.argv.slice(2);
let left = Number(steps);
const summary = await backfillRepositories({
  config: loadConfig(),
  plcUrl,
  dids,
  hostLimits: { perSecond: 10_000, burst: 10_000, concurrency: 2 },
  onStep: () => {
    if (--left === 0) process.kill(process.pid, 'SIGKILL');
  },
});
process.stdout.write(JSON.stringify(summary));
