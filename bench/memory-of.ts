import { readFileSync } from 'node:fs';

/**
 * Resident memory of a process now, and its highest so far; MB. What `resourceUsage` calls the highest is also its parent's, from
 * before it was another program.
 * @param pid this process by default; both are 0 for one that has ended and not been waited for
 */
export function memoryOf(pid: number | string = 'self'): { rssMb: number; peakMb: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
  return { rssMb: mb('VmRSS'), peakMb: mb('VmHWM') };
}
