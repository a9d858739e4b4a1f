import type { Engine, Lake } from '../../lake/index.ts';
import { countOf } from './parquet.ts';

interface Counted {
  path: string;
  rows: number;
}

interface Manifest {
  files?: Counted[];
  sources?: Counted[];
  target?: Counted;
  erased_rows?: number;
}

/** Where landing and compaction wrote down how many rows each file has. */
const folders = ['raw/_manifests', 'raw/_compactions'];

/**
 * Brings the manifests of landing and compaction up to the rows that rewritten files have now, so that `land --verify`
 * finds what it expects. Doing it again changes nothing.
 */
export async function correctManifests(
  lake: Lake,
  engine: Engine,
  rewritten: readonly string[],
): Promise<number> {
  const rows = new Map<string, number>();
  for (const path of rewritten)
    if (path.endsWith('.parquet') && (await lake.exists(path)))
      rows.set(path, await countOf(engine, lake.uri(path)));
  let corrected = 0;
  if (rows.size === 0) return corrected;
  for (const folder of folders)
    for (const { path } of await lake.list(folder)) {
      const bytes = path.endsWith('.json') ? await lake.read(path) : null;
      if (bytes === null) continue;
      const text = Buffer.from(bytes).toString('utf8');
      const manifest = JSON.parse(text) as Manifest;
      const correct = (file: Counted): void => {
        const now = rows.get(file.path);
        if (now !== undefined) file.rows = now;
      };
      manifest.files?.forEach(correct);
      manifest.sources?.forEach(correct);
      if (manifest.target !== undefined && manifest.sources !== undefined) {
        correct(manifest.target);
        // of what a day was made of, the rows that are gone since: those files are not there to be counted again
        const made = manifest.sources.reduce((sum, file) => sum + file.rows, 0);
        const gone = made - manifest.target.rows;
        if (gone > 0) manifest.erased_rows = gone;
        else delete manifest.erased_rows;
      }
      const next = `${JSON.stringify(manifest, null, 1)}\n`;
      if (JSON.stringify(JSON.parse(text)) === JSON.stringify(manifest)) continue;
      await lake.write(path, next);
      corrected++;
    }
  return corrected;
}
