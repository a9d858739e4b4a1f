import { land } from '../../extract/land/index.ts';
import { silenceProgress } from '../../ops/progress/index.ts';
import { configOf } from './config.ts';
import { measured } from './measured.ts';
import type { LandingSettings } from './messages.ts';

const settings = JSON.parse(process.argv[2] ?? '') as LandingSettings;
silenceProgress();
await measured(async () => {
  const { rows, files } = await land({ config: configOf(settings) });
  return { rows: Object.values(rows).reduce((sum, n) => sum + n, 0), files };
});
