import type { Landed } from './messages.ts';
import { memoryOf } from '../memory-of.ts';

/** Runs the work and says what it took; this process does nothing else. */
export async function measured(work: () => Promise<{ rows: number; files: number }>): Promise<void> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  const { rows, files } = await work();
  const used = process.cpuUsage(cpu);
  const result: Landed = {
    rows,
    files,
    seconds: (performance.now() - started) / 1000,
    cpuSeconds: (used.user + used.system) / 1e6,
    peakRssMb: memoryOf().peakMb,
  };
  process.send?.(result, () => process.exit(0));
}
