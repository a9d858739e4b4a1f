import { createHash } from 'node:crypto';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../config/index.ts';
import { dbtFolders } from '../dbt/index.ts';

const noteOf = (config: Config): string => path.join(dbtFolders(config).target, 'loaded-seeds');

/** Stands for the content of all seeds with their YAML. */
export async function seedsAsTheyAre(config: Config): Promise<string> {
  const hash = createHash('sha256');
  const folder = path.join(config.projectRoot, 'seeds');
  for (const name of (await readdir(folder)).sort())
    hash.update(name).update(await readFile(path.join(folder, name)));
  return hash.digest('hex');
}

/** Says which warehouse file it is: one that was made anew holds nothing yet. */
async function warehouseOf(config: Config): Promise<string> {
  const { ino, birthtimeMs } = await stat(config.warehouse);
  return `${config.warehouse} ${ino} ${birthtimeMs}`;
}

/**
 * Whether the warehouse holds these seeds: then neither they nor their tests have anything new to say, and a cycle saves a
 * third of its nodes.
 */
export async function seedsAreLoaded(config: Config, seeds: string): Promise<boolean> {
  try {
    return (await readFile(noteOf(config), 'utf8')) === `${seeds} ${await warehouseOf(config)}`;
  } catch {
    return false; // never loaded, or the warehouse is gone
  }
}

/** Remembers which seeds the warehouse holds. Call it after a build that included them and succeeded. */
export async function noteLoadedSeeds(config: Config, seeds: string): Promise<void> {
  try {
    await writeFile(noteOf(config), `${seeds} ${await warehouseOf(config)}`);
  } catch {
    // without the note they are loaded again
  }
}
