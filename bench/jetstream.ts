import { parseArgs } from 'node:util';
import { measure } from './processes.ts';
import { printTable } from './table.ts';

export const claim = 'Jetstream events checked and spooled durably';

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { events: { type: 'string', default: '600000' }, profile: { type: 'string' } },
  });
  const warm = 3_000;
  const measured = await measure(
    'capture.ts',
    {
      kind: 'jetstream',
      count: warm + Number(values.events),
      warm,
      accounts: 0,
      rate: null,
      directoryDelayMs: 0,
      directoryDelayForMs: 0,
    },
    {},
    values.profile ?? null,
  );
  const { events, seconds, cpuSeconds, rssMb, rejected, offered } = measured;
  printTable([
    {
      events,
      'wall s': seconds,
      'events/s': Math.round(events / seconds),
      'CPU s': cpuSeconds,
      'events/CPU-s': Math.round(events / cpuSeconds),
      'MB/s': Math.round(offered.bytes / 1e6 / seconds),
      'RSS MB': Math.round(rssMb),
      rejected,
    },
  ]);
}
