import path from 'node:path';
import { land } from '../../extract/land/index.ts';
import { loadConfig } from '../../ops/config/index.ts';
import { silenceProgress } from '../../ops/progress/index.ts';
import { measured } from './measured.ts';
import type { LandingSettings } from './messages.ts';

const { folder, memoryLimit } = JSON.parse(process.argv[2] ?? '') as LandingSettings;
silenceProgress();
const config = loadConfig(
  {
    FEEDTRIAL_LAKE: path.join(folder, 'lake'),
    FEEDTRIAL_PRIVATE_LAKE: path.join(folder, 'private'),
    FEEDTRIAL_SPOOL: path.join(folder, 'spool'),
    FEEDTRIAL_MEMORY_LIMIT: memoryLimit,
  },
  folder,
);
await measured(async () => {
  const { rows, files } = await land({ config });
  return { rows: Object.values(rows).reduce((sum, n) => sum + n, 0), files };
});
