import { parseArgs } from 'node:util';
import { measure } from './processes.ts';
import { printTable } from './table.ts';

export const claim =
  "capture's memory with a slow disk or a slow directory of DIDs, at a rate that does not wait: nothing is dropped";

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rate: { type: 'string', default: '5000' },
      seconds: { type: 'string', default: '60' },
      workers: { type: 'string', default: '2' },
      'disk-delay': { type: 'string', default: '1000' },
      'directory-delay': { type: 'string', default: '500' },
    },
  });
  const rate = Number(values.rate);
  const slowMs = Number(values.seconds) * 1_000;
  const rows: Record<string, string | number>[] = [];
  for (const slow of ['disk', 'directory'] as const) {
    // a directory that nobody has to ask is not slow: most of its accounts are new after the warm-up
    const [warm, accounts] = slow === 'disk' ? [2_000, 200] : [100, 2_000];
    const offered = Math.round((rate * slowMs) / 1_000);
    const measured = await measure(
      'capture.ts',
      {
        kind: 'synthetic',
        count: warm + offered,
        warm,
        accounts,
        rate,
        directoryDelayMs: slow === 'directory' ? Number(values['directory-delay']) : 0,
        directoryDelayForMs: slowMs,
      },
      {
        workers: Number(values.workers),
        diskDelayMs: slow === 'disk' ? Number(values['disk-delay']) : 0,
        diskDelayForMs: slowMs,
      },
    );
    const lost = measured.offered.operations - (measured.rows.record ?? 0);
    rows.push({
      slow:
        slow === 'disk' ? `disk, +${values['disk-delay']} ms` : `directory, ${values['directory-delay']} ms`,
      'for s': slowMs / 1_000,
      offered,
      taken: measured.events,
      'operations lost': lost,
      rejected: measured.rejected,
      'sent in s': measured.offered.seconds,
      'durable after s': measured.seconds,
      'RSS MB': Math.round(measured.rssMb),
    });
    if (lost !== 0 || measured.events !== offered || measured.rejected !== 0) process.exitCode = 1;
  }
  printTable(rows);
}
