/**
 * Redacts the lake of a folder as of a moment and kills itself after the given step: `node redacting-that-dies.ts <folder> <now ms> <step>`.
 */
import { redact } from '../../../extract/land/index.ts';
import { configIn } from '../../folders.ts';

const [folder = '', now = '', step = ''] = process.argv.slice(2);
await redact({
  config: configIn(folder, { FEEDTRIAL_LOG_LEVEL: 'silent' }),
  now: () => Number(now),
  onStep: (done) => {
    if (done === step) process.kill(process.pid, 'SIGKILL');
  },
});
process.exit(0);
