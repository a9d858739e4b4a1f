import { createHash } from 'node:crypto';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../config/index.ts';
import { hashesBelow } from '../../study/index.ts';
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

/** What was noted of the warehouse that there is; null where nothing was ever loaded into it. */
async function readNote(config: Config): Promise<Note | null> {
  try {
    const note = JSON.parse(await readFile(noteOf(config), 'utf8')) as Note;
    return note.warehouse === (await warehouseOf(config)) ? note : null;
  } catch {
    return null;
  }
}

/**
 * Names of the seeds that the warehouse doesn't hold as they are. With none, neither they nor their tests have anything new to say, and a
 * cycle saves a third of its nodes.
 */
export async function seedsToLoad(config: Config, seeds: Seeds): Promise<string[]> {
  const note = await readNote(config);
  return Object.keys(seeds).filter((name) => note?.seeds[name] !== seeds[name]);
}

/**
 * Forgets which of these the warehouse holds. Call it before they are loaded: where the build fails, or an edit that was tried is taken back,
 * they are loaded again.
 */
export async function forgetSeeds(config: Config, names: string[]): Promise<void> {
  const note = await readNote(config);
  if (note === null) return;
  const seeds = Object.fromEntries(Object.entries(note.seeds).filter(([name]) => !names.includes(name)));
  await writeFile(noteOf(config), JSON.stringify({ ...note, seeds }));
}

/** Remembers which seeds the warehouse holds. Call it after a build of everything that included them, with their tests, and succeeded. */
export async function noteLoadedSeeds(config: Config, seeds: Seeds): Promise<void> {
  try {
    const note: Note = { warehouse: await warehouseOf(config), seeds };
    await writeFile(noteOf(config), JSON.stringify(note));
  } catch {
    // without the note they are loaded again
  }
}

/** Stands for the SQL of all models and macros, and for the warehouse file that it was built in. */
export async function modelsAsTheyAre(config: Config): Promise<string> {
  const sql = await hashesBelow(config.projectRoot, ['models', 'macros']);
  const warehouse = await warehouseOf(config).catch(() => 'none');
  return createHash('sha256').update(JSON.stringify({ sql, warehouse })).digest('hex');
}
