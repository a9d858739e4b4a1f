/**
 * Compacts the lake of a folder as of a moment and kills itself after the given step was done for the nth time:
 * `node compacting-that-dies.ts <folder> <now ms> <grace hours> <step> <nth>`. Ends in peace if it never comes to that.
 */
import path from 'node:path';
import { compact } from '../../../extract/land/index.ts';
import { loadConfig } from '../../../ops/config/index.ts';

const [folder = '', now = '', graceHours = '', step = '', nth = '1'] = process.argv.slice(2);
const config = loadConfig(
  {
    FEEDTRIAL_LAKE: path.join(folder, 'lake'),
    FEEDTRIAL_PRIVATE_LAKE: path.join(folder, 'private'),
    FEEDTRIAL_SPOOL: path.join(folder, 'spool'),
  },
  folder,
);
let left = Number(nth);
await compact({
  config,
  now: () => Number(now),
  graceHours: Number(graceHours),
  settleMs: 0,
  onStep: (done) => {
    if (done === step && --left === 0) process.kill(process.pid, 'SIGKILL');
  },
});
process.exit(0);
