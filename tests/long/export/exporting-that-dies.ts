/**
 * An export in a process of its own that kills itself when some files are in place. Arguments: the configuration as JSON, the place,
 * after how many files.
 */
import type { Config } from '../../../ops/config/index.ts';
import { openDbt } from '../../../ops/dbt/index.ts';
import { exportModels } from '../../../ops/export/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';

const [configuration = '', to = '', files = ''] = process.argv.slice(2);
const config = JSON.parse(configuration) as Config;
silenceProgress();
let left = Number(files);
await exportModels({
  config,
  dbt: await openDbt(config),
  to,
  // a second for each file, so that the manifest says how far it has come
  now: (
    (ms) => () =>
      (ms += 1_000)
  )(Date.now()),
  onPart: () => {
    if (--left === 0) process.kill(process.pid, 'SIGKILL');
  },
});
process.exit(7); // it outlived its death
