import { parseArgs } from 'node:util';
import { measure, type Measured } from './processes.ts';
import { printTable } from './table.ts';

export const claim =
  'commits fully verified (signature, proofs, CIDs, chain) and spooled durably, beside @atproto/sync with verification';

const row = (reader: string, frames: string, { events, seconds, cpuSeconds, rssMb, rejected }: Measured) => ({
  reader,
  frames,
  events,
  'wall s': seconds,
  'events/s': Math.round(events / seconds),
  'CPU s': cpuSeconds,
  'events/CPU-s': Math.round(events / cpuSeconds),
  'RSS MB': Math.round(rssMb),
  rejected,
});

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      events: { type: 'string', default: '30000' },
      'peer-events': { type: 'string', default: '2000' },
      workers: { type: 'string', default: '2' },
      accounts: { type: 'string', default: '200' },
      only: { type: 'string', default: 'real,synthetic' },
      profile: { type: 'string' },
    },
  });
  const rows: ReturnType<typeof row>[] = [];
  const said: string[] = [];
  for (const kind of ['real', 'synthetic'] as const) {
    if (!values.only.split(',').includes(kind)) continue;
    const warm = 3_000;
    const load = {
      kind,
      warm,
      accounts: Number(values.accounts),
      rate: null,
      directoryDelayMs: 0,
      directoryDelayForMs: 0,
    };
    const ours = await measure(
      'capture.ts',
      { ...load, count: warm + Number(values.events) },
      { workers: Number(values.workers) },
      values.profile ?? null,
    );
    rows.push(row(`feedtrial, ${values.workers} threads`, kind, ours));
    const peerEvents = Number(values['peer-events']);
    if (peerEvents === 0) continue;
    const peer = await measure('atproto-sync.ts', { ...load, count: warm + peerEvents });
    rows.push(row('@atproto/sync Firehose', kind, peer));
    const ratio = (of: (side: Measured) => number): string => (of(ours) / of(peer)).toFixed(1);
    said.push(
      `${kind}: ${ratio(({ events, seconds }) => events / seconds)} times the peer by wall clock, ${ratio(({ events, cpuSeconds }) => events / cpuSeconds)} times by CPU second`,
    );
  }
  printTable(rows);
  for (const line of said) console.log(line);
}
