import { copyToLake, sqlText, tables, type Engine, type Lake } from '../../../lake/index.ts';
import type { Compaction } from './manifest.ts';

/**
 * Writes which files readers leave out. It is one file, replaced atomically, so that for every reader a day turns from
 * its old files to its new one at once: no row is missing and none is counted twice, whenever it is read.
 */
export async function writeHidden(lake: Lake, engine: Engine, compactions: Compaction[]): Promise<void> {
  const rows = compactions.flatMap(({ state, target, sources }) => {
    if (state === 'planned') return [[target.path, 'planned']];
    return state === 'switched' ? sources.map(({ path }) => [path, 'superseded']) : [];
  });
  const values = rows.map(([file = '', reason = '']) => `(${sqlText(file)}, ${sqlText(reason)})`);
  const query =
    values.length === 0
      ? 'SELECT NULL::VARCHAR AS file, NULL::VARCHAR AS reason WHERE false'
      : `SELECT * FROM (VALUES ${values.join(', ')}) AS hidden (file, reason) ORDER BY file`;
  await copyToLake(lake, engine, query, `${tables.hiddenFiles.folder}/current.parquet`);
}
