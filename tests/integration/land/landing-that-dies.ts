/**
 * Lands the spool of a folder and kills itself, as a power cut would, after the given step was done for the nth time:
 * `node landing-that-dies.ts <folder> <step> <nth>`. Ends in peace if it never comes to that.
 */
import { land } from '../../../extract/land/index.ts';
import { loadConfig } from '../../../ops/config/index.ts';
import path from 'node:path';

const [folder = '', step = '', nth = '1'] = process.argv.slice(2);
const config = loadConfig(
  {
    FEEDTRIAL_LAKE: path.join(folder, 'lake'),
    FEEDTRIAL_PRIVATE_LAKE: path.join(folder, 'private'),
    FEEDTRIAL_SPOOL: path.join(folder, 'spool'),
  },
  folder,
);
let left = Number(nth);
await land({
  config,
  maxBatchBytes: 40_000,
  onStep: (done) => {
    if (done === step && --left === 0) process.kill(process.pid, 'SIGKILL');
  },
});
process.exit(0);
