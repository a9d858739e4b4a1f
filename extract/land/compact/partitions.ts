import { createHash } from 'node:crypto';
import path from 'node:path';
import { tables, type Lake } from '../../../lake/index.ts';
import { manifestPath } from '../batch.ts';
import type { Compaction } from './manifest.ts';

/** Tables that grow by small files, with what a compacted day is sorted by before all else. */
const sortedBy = {
  records: ['did', 'rkey', 'rev'],
  identities: ['did', 'event_us'],
  accounts: ['did', 'event_us'],
  moderationLabels: ['uri', 'val', 'cts_us'],
  rejected: ['event_us', 'did'],
  gaps: ['gap_id', 'event_us'],
  backfills: ['did', 'uri', 'event_us'],
  profiles: ['did', 'event_us'],
  tombstones: ['did', 'uri', 'event_us'],
  exposures: ['req_id', 'position'],
  interactions: ['received_us', 'participant_id'],
  runs: ['run_id', 'stage', 'ts'],
  labels: ['uri', 'version', 'label', 'attempt'],
  embeddings: ['uri', 'version'],
} as const satisfies Partial<Record<keyof typeof tables, string[]>>;

export type CompactedName = keyof typeof sortedBy;
const compactedTables = Object.keys(sortedBy) as CompactedName[];

/** Files that a batch of landing named: they count once the batch is whole. */
const batchName = /^\d{13}-[0-9a-f]{16}$/;
const compactedName = /^compacted-(\d{4})-[0-9a-f]{16}$/;

/**
 * The order of a compacted day: total, so that the same rows always make the same file. A list is the longest column and
 * never what tells two rows apart.
 */
export function sortColumns(name: CompactedName): string[] {
  const rest = tables[name].columns
    .filter(({ type, name: column }) => !type.endsWith('[]') && column !== 'record')
    .map((column) => column.name);
  return [...new Set<string>([...sortedBy[name], ...rest])];
}

/** A day of one table and group, as it is now and as it should be. */
export interface PartitionDay {
  table: CompactedName;
  /** Folder above `hour=…`; files of tables without hours are in it. */
  folder: string;
  dt: string;
  sources: string[];
  target: string;
  bytes: number;
}

/**
 * Partition-days up to `lastDt` that are not one compacted file. What a landing has not finished is left alone, and
 * so is what an earlier compaction replaced.
 */
export async function findUncompacted(
  lake: Lake,
  lastDt: string,
  compactions: Compaction[],
): Promise<PartitionDay[]> {
  const replaced = new Set(
    compactions
      .filter(({ state }) => state !== 'done')
      .flatMap(({ sources }) => sources.map((file) => file.path)),
  );
  const whole = new Map<string, boolean>();
  const isWhole = async (name: string, stem: string): Promise<boolean> => {
    if (name === 'labels' || name === 'embeddings' || !batchName.test(stem)) return true;
    const known = whole.get(stem) ?? (await lake.exists(manifestPath(stem)));
    whole.set(stem, known);
    return known;
  };
  const found: PartitionDay[] = [];
  for (const table of compactedTables) {
    const days = new Map<string, { path: string; bytes: number }[]>();
    for (const file of await lake.list(tables[table].folder)) {
      const stem = path.basename(file.path, '.parquet');
      const day = /^(.*\/dt=(\d{4}-\d\d-\d\d))\//.exec(file.path);
      if (!file.path.endsWith('.parquet') || stem === 'empty' || day === null) continue;
      const [, folder = '', dt = ''] = day;
      if (dt > lastDt || replaced.has(file.path) || !(await isWhole(table, stem))) continue;
      days.set(folder, [...(days.get(folder) ?? []), file]);
    }
    for (const [folder, files] of days) {
      const levels = files.map(({ path: file }) =>
        Number(compactedName.exec(path.basename(file, '.parquet'))?.[1] ?? 0),
      );
      if (files.length === 1 && (levels[0] ?? 0) > 0) continue;
      const sources = files.map((file) => file.path).sort();
      const digest = createHash('sha256').update(sources.join('\n')).digest('hex').slice(0, 16);
      const name = `compacted-${String(Math.max(...levels) + 1).padStart(4, '0')}-${digest}.parquet`;
      const hours = tables[table].partitions.includes('hour');
      found.push({
        table,
        folder,
        dt: folder.slice(-10),
        sources,
        target: `${folder}/${hours ? 'hour=all/' : ''}${name}`,
        bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      });
    }
  }
  return found.sort((a, b) => (a.folder < b.folder ? -1 : 1));
}
