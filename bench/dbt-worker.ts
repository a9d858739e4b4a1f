import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** CPU seconds and peak memory so far of the one Python process below this one: the dbt worker with DuckDB in it. */
export function dbtWorker(): { cpuSeconds: number; peakMb: number } {
  const pid = readdirSync('/proc').find((name) => {
    if (!/^\d+$/.test(name) || !existsSync(`/proc/${name}/stat`)) return false;
    const [comm = '', rest = ''] = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ');
    return comm.includes('(python') && Number(rest.split(' ')[1]) === process.pid;
  });
  if (pid === undefined) throw new Error('the dbt worker is not running');
  const fields = (readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1] ?? '').split(' ');
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    peakMb: Number(peak?.[1]) / 1024,
  };
}
