import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openEngine, sqlText } from '../lake/index.ts';
import { fillSpool } from './landing/events.ts';
import type { Landed, LandingSettings } from './landing/messages.ts';
import { printTable } from './table.ts';

export const claim =
  'rows landed and compacted a CPU-second and peak memory, beside a plain DuckDB COPY of the same segments; bytes a row';

/** Runs one side in a process of its own. */
function measure(side: string, settings: LandingSettings): Promise<Landed> {
  const child = fork(path.join(import.meta.dirname, 'landing', side), [JSON.stringify(settings)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { ...process.env, FEEDTRIAL_LOG_LEVEL: 'error' },
  });
  return new Promise((resolve, reject) => {
    child.once('message', (landed) => resolve(landed as Landed));
    child.once('exit', (code) => reject(new Error(`${side} ended with ${code}`)));
  });
}

const row = (side: string, { rows, files, seconds, cpuSeconds, peakRssMb }: Landed) => ({
  side,
  rows,
  files,
  'wall s': seconds,
  'CPU s': cpuSeconds,
  'rows/CPU-s': Math.round(rows / cpuSeconds),
  'peak RSS MB': Math.round(peakRssMb),
});

/** Bytes on disk by collection group, as the footers count them. */
async function bytesOnDisk(lake: string): Promise<{ what: string; rows: number; bytes: number }[]> {
  const engine = await openEngine();
  try {
    const rows = await engine.rows<{ what: string; n: bigint; bytes: bigint }>(
      `SELECT coalesce(nullif(regexp_extract(file_name, 'collection_group=([^/]+)', 1), ''), regexp_extract(file_name, 'lake/(?:raw/)?([a-z_]+)/', 1)) AS what,
         sum(num_rows)::BIGINT AS n, sum(file_size_bytes)::BIGINT AS bytes
       FROM parquet_file_metadata(${sqlText(path.join(lake, '**/*.parquet'))}) GROUP BY what ORDER BY n DESC`,
    );
    return rows.map(({ what, n, bytes }) => ({ what, rows: Number(n), bytes: Number(bytes) }));
  } finally {
    await engine.close();
  }
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      events: { type: 'string', default: '1000000,5000000' },
      memory: { type: 'string', default: '1GB' },
      peer: { type: 'string', default: '1000000' },
    },
  });
  const rows: ReturnType<typeof row>[] = [];
  let disk: Record<string, string | number>[] = [];
  for (const events of values.events.split(',').map(Number)) {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-bench-'));
    try {
      const bytes = await fillSpool(path.join(folder, 'spool'), events);
      console.log(`${events} events, ${Math.round(bytes / 1e6)} MB of segments`);
      const settings = { folder, memoryLimit: values.memory };
      // the other side first: landing takes the segments away
      if (events <= Number(values.peer))
        rows.push(row('plain DuckDB COPY', await measure('plain-copy.ts', settings)));
      rows.push(row('feedtrial land', await measure('feedtrial.ts', settings)));
      const landed = await bytesOnDisk(path.join(folder, 'lake'));
      rows.push(row('feedtrial land --compact', await measure('compaction.ts', settings)));
      if (disk.length === 0) {
        const compacted = await bytesOnDisk(path.join(folder, 'lake'));
        disk = landed.map((one) => {
          const after = compacted.find((other) => other.what === one.what);
          return {
            'collection or table': one.what,
            rows: one.rows,
            bytes: one.bytes,
            'bytes a row': one.bytes / one.rows,
            'compacted, bytes a row': after === undefined ? '' : after.bytes / after.rows,
          };
        });
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  console.log('');
  printTable(rows);
  console.log('');
  printTable(disk);
}
