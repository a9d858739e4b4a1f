import { createHash } from 'node:crypto';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../config/index.ts';
import { dbtFolders } from '../dbt/index.ts';

/** What stands for the content of each seed with its YAML, by the seed's name. */
export type Seeds = Record<string, string>;

interface Note {
  warehouse: string;
  seeds: Seeds;
}

const noteOf = (config: Config): string => path.join(dbtFolders(config).target, 'loaded-seeds.json');

export async function seedsAsTheyAre(config: Config): Promise<Seeds> {
  const folder = path.join(config.projectRoot, 'seeds');
  const files = (await readdir(folder)).sort();
  const seeds: Seeds = {};
  for (const name of files
    .filter((file) => file.endsWith('.csv'))
    .map((file) => path.basename(file, '.csv'))) {
    const hash = createHash('sha256');
    for (const file of files.filter((each) => each.startsWith(`${name}.`)))
      hash.update(file).update(await readFile(path.join(folder, file)));
    seeds[name] = hash.digest('hex');
  }
  return seeds;
}

/** Says which warehouse file it is: one that was made anew holds nothing yet. */
async function warehouseOf(config: Config): Promise<string> {
  const { ino, birthtimeMs } = await stat(config.warehouse);
  return `${config.warehouse} ${ino} ${birthtimeMs}`;
}

/**
 * Names of the seeds that the warehouse doesn't hold as they are. With none, neither they nor their tests have anything new to say, and a
 * cycle saves a third of its nodes.
 */
export async function seedsToLoad(config: Config, seeds: Seeds): Promise<string[]> {
  let note: Note | null;
  try {
    note = JSON.parse(await readFile(noteOf(config), 'utf8')) as Note;
    if (note.warehouse !== (await warehouseOf(config))) note = null;
  } catch {
    note = null; // never loaded, or the warehouse is gone
  }
  return Object.keys(seeds).filter((name) => note?.seeds[name] !== seeds[name]);
}

/** Remembers which seeds the warehouse holds. Call it after a build that included them and succeeded. */
export async function noteLoadedSeeds(config: Config, seeds: Seeds): Promise<void> {
  try {
    const note: Note = { warehouse: await warehouseOf(config), seeds };
    await writeFile(noteOf(config), JSON.stringify(note));
  } catch {
    // without the note they are loaded again
  }
}
