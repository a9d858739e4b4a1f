import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { projectRoot } from '../config/config.ts';

/** Files below a folder of the checkout, from its root, in their order. */
export function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(path.join(projectRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => `${folder}/${file}`)
    .sort();
}

const parsed = new Map<string, unknown>();

/** What a YAML file of the models says; each is read once a process: there are two hundred, and several pages ask. */
export function described(file: string): unknown {
  if (!parsed.has(file))
    parsed.set(
      file,
      // anchors with merge keys are what fixtures are written with
      parse(readFileSync(path.join(projectRoot, file), 'utf8'), { merge: true, maxAliasCount: -1 }),
    );
  return parsed.get(file);
}
