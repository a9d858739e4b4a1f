import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openEngine, sqlText } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';

/** Reads relations of the warehouse file, once dbt's process has let go of it. */
export async function readWarehouse<T>(
  config: Config,
  read: (rows: <R>(sql: string) => Promise<R[]>) => Promise<T>,
): Promise<T> {
  const engine = await openEngine();
  try {
    // under the name that dbt knows it by: views name their catalog
    const catalog = path.basename(config.warehouse, '.duckdb');
    await engine.run(`ATTACH ${sqlText(config.warehouse)} AS "${catalog}" (READ_ONLY); USE "${catalog}"`);
    return await read((sql) => engine.rows(sql));
  } finally {
    await engine.close();
  }
}

/** Version of each labeler that seeds/labelers.csv asks. */
export function labelerVersions(projectRoot: string): Record<string, string> {
  const [, ...lines] = readFileSync(path.join(projectRoot, 'seeds/labelers.csv'), 'utf8').trim().split('\n');
  return Object.fromEntries(
    lines.map((line) => {
      const [labeler = '', version = ''] = line.split(',');
      return [labeler, version];
    }),
  );
}
