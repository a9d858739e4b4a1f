import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../../../ops/config/config.ts';

/**
 * A checkout whose seeds are its own, so that a test may edit them as an analyst would: everything else is this one's.
 * @param own folders that are its own as well, such as 'models'
 * @returns its root
 */
export function editedProject(folder: string, own: readonly string[] = []): string {
  const root = path.join(folder, 'project');
  mkdirSync(root, { recursive: true });
  for (const name of ['seeds', ...own])
    cpSync(path.join(projectRoot, name), path.join(root, name), { recursive: true });
  for (const name of [
    'models',
    'macros',
    'tests',
    '.venv',
    'node_modules',
    'ops',
    'dbt_project.yml',
    'profiles.yml',
    'package.json',
  ].filter((one) => !own.includes(one)))
    symlinkSync(path.join(projectRoot, name), path.join(root, name));
  return root;
}

/** Folders that make `ops/cli/main.ts` of an edited checkout run on that checkout: code finds its project by where it is. */
export const code = ['enrich', 'extract', 'lake', 'ops', 'serve', 'study'];

/** Rewrites one seed of an edited checkout. */
export function editSeed(root: string, name: string, edit: (text: string) => string): void {
  const file = path.join(root, 'seeds', name);
  const before = readFileSync(file, 'utf8');
  const after = edit(before);
  if (after === before) throw new Error(`nothing changed in ${name}`);
  writeFileSync(file, after);
}
