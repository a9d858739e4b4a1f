import os from 'node:os';

/** What a figure depends on: it means nothing without. */
export function describeMachine(): string {
  const cpus = os.cpus();
  const load = os.loadavg().map((n) => n.toFixed(1));
  return `${cpus.length} x ${cpus[0]?.model ?? 'CPU'}, ${Math.round(os.totalmem() / 2 ** 30)} GB, Node ${process.versions.node}, load average before ${load.join(' ')}`;
}
