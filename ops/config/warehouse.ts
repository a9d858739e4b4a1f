import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Config } from './config.ts';

/** dbt's file can be made again from the lake, and what is deleted in it stays in its free blocks: it goes, with dbt's own. */
export function removeWarehouse({ warehouse }: Pick<Config, 'warehouse'>): void {
  const folder = path.dirname(warehouse);
  if (!existsSync(folder)) return;
  const stem = path.basename(warehouse, path.extname(warehouse));
  for (const name of readdirSync(folder))
    if (name.startsWith(path.basename(warehouse)) || name === `${stem}.dbt`)
      rmSync(path.join(folder, name), { recursive: true, force: true });
}
