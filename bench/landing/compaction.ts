import { compact } from '../../extract/land/index.ts';
import { silenceProgress } from '../../ops/progress/index.ts';
import { configOf } from './config.ts';
import { measured } from './measured.ts';
import type { LandingSettings } from './messages.ts';

const settings = JSON.parse(process.argv[2] ?? '') as LandingSettings;
silenceProgress();
await measured(async () => {
  const { days } = await compact({ config: configOf(settings), graceHours: 0, settleMs: 0 });
  return { rows: days.reduce((sum, { rows }) => sum + rows, 0), files: days.length };
});
