// Ranks with the configuration of argv[2] as generation argv[3] at moment argv[4] and is killed, as by a power cut, when
// only the pointer is left to move.
import type { Config } from '../../../ops/config/index.ts';
import { rank } from '../../../ops/cycle/rank.ts';
import { openDbt } from '../../../ops/dbt/index.ts';

const config = JSON.parse(process.argv[2] ?? '') as Config;
await rank({
  config,
  dbt: await openDbt(config),
  generation: process.argv[3] ?? '',
  asOfUs: Number(process.argv[4]),
  beforeSwap: () => void process.kill(process.pid, 'SIGKILL'),
});
