import { existsSync, readFileSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openLake, currentRows, tables, type Engine } from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { foldRuns, type Run, type RunRow } from './fold.ts';
import { isAlive } from './liveness.ts';

/**
 * Rows that landing has not taken yet, sealed or not. Half a line at the end is one that is being written.
 * @throws NodeJS.ErrnoException EACCES where the spool is another user's
 */
function spooledRows(spool: string): RunRow[] {
  const folder = path.join(spool, 'runs');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ndjson') || name.endsWith('.open'))
    .flatMap((name) => {
      try {
        const text = readFileSync(path.join(folder, name), 'utf8');
        return text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
      } catch {
        return []; // landed and removed since the folder was read
      }
    })
    .filter(Boolean)
    .map((line) => JSON.parse(line) as RunRow);
}

const columns = tables.runs.columns.map((c) => c.name).filter((name) => name !== 'segment');

async function landedRows(config: Config, engine: Engine, sinceUs: number): Promise<RunRow[]> {
  const lake = openLake(config.lake);
  if (!(await lake.list(tables.runs.folder)).some((file) => file.path.endsWith('.parquet'))) return [];
  const since = new Date(sinceUs / 1000).toISOString().slice(0, 10);
  const rows = await engine.rows<Record<string, unknown>>(
    `SELECT ${columns.map((c) => `"${c}"`).join(', ')} FROM ${await currentRows(lake, tables.runs)}
     WHERE dt >= '${since}' AND ts >= ${Math.round(sinceUs)}`,
  );
  return rows.map(
    (row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
      ) as unknown as RunRow,
  );
}

export interface ReadRunsOptions {
  config: Config;
  engine: Engine;
  /** Rows older than this are left out, microseconds UTC. */
  sinceUs: number;
  host?: string;
  alive?: (pid: number) => boolean;
}

/** Where the end of a stage may be waiting that is only known to run; null in rows of versions that didn't say. */
function spoolOf(row: RunRow): string | null {
  if (row.status !== 'running' || row.detail === null) return null;
  return (JSON.parse(row.detail) as { spool?: string }).spool ?? null;
}

/**
 * Runs since a moment, newest first, from the lake and from what spools of this machine still hold: jobs of one study may have
 * several, and one lands a job's beginning before the other lands its end.
 */
export async function readRuns(options: ReadRunsOptions): Promise<Run[]> {
  const { config, engine, sinceUs, host = os.hostname(), alive = isAlive } = options;
  const own = path.resolve(config.spool);
  const spooled = spooledRows(own);
  let landed = await landedRows(config, engine, sinceUs);
  const others = new Set(landed.filter((row) => row.host === host).map(spoolOf));
  others.delete(own);
  others.delete(null);
  if (others.size > 0) {
    const unreadable = new Set<string | null>();
    for (const spool of others as Set<string>)
      try {
        spooled.push(...spooledRows(spool));
      } catch {
        unreadable.add(spool);
      }
    // once more, for what was landed from them meanwhile; of what can't be looked up nobody says that it was killed
    landed = (await landedRows(config, engine, sinceUs)).filter((row) => !unreadable.has(spoolOf(row)));
  }
  return foldRuns([...spooled.filter((row) => row.ts >= sinceUs), ...landed], host, alive);
}
