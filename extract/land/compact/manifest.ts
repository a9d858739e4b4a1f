import type { Lake } from '../../../lake/index.ts';
import type { CompactedName } from './partitions.ts';

/** A file of the lake with the rows that its footer counts. */
export interface CountedFile {
  path: string;
  rows: number;
}

/**
 * `raw/_compactions/<id>.json`: what one partition-day was made of and what it became.
 *
 *   planned    readers see the old files; the new one, if it is there already, is hidden
 *   switched   readers see the new file; the old ones are still there for those that had begun to read them
 *   done       the old files are gone
 */
export interface Compaction {
  id: string;
  /** Name in lake/schemas. */
  table: CompactedName;
  /** Folder of the partition-day, such as `raw/records/collection_group=…/dt=2026-07-04`. */
  folder: string;
  state: 'planned' | 'switched' | 'done';
  sources: CountedFile[];
  target: CountedFile;
  /** Rows that were taken out of the target since, with people who had themselves erased. */
  erased_rows?: number;
  planned_ms: number;
  switched_ms: number | null;
  done_ms: number | null;
}

const folder = 'raw/_compactions';

export async function writeCompaction(lake: Lake, compaction: Compaction): Promise<void> {
  await lake.write(`${folder}/${compaction.id}.json`, `${JSON.stringify(compaction, null, 1)}\n`);
}

/** All compactions that were ever begun, oldest first. */
export async function readCompactions(lake: Lake): Promise<Compaction[]> {
  const found: Compaction[] = [];
  for (const { path } of await lake.list(folder)) {
    const content = await lake.read(path);
    if (content !== null && path.endsWith('.json'))
      found.push(JSON.parse(Buffer.from(content).toString('utf8')) as Compaction);
  }
  return found.sort((a, b) => a.planned_ms - b.planned_ms || (a.id < b.id ? -1 : 1));
}
