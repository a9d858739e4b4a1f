import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { projectRoot } from '../../../ops/config/config.ts';
import { editedProject } from '../rank/edited-project.ts';

/** A checkout whose models, macros and seeds are its own. */
export const analystsProject = (folder: string): string => editedProject(folder, ['models', 'macros']);

/** Edits one model of an analyst's checkout. */
export function editModel(root: string, model: string, edit: (sql: string) => string): void {
  const file = path.join(root, 'models', model);
  const before = readFileSync(file, 'utf8');
  const after = edit(before);
  if (after === before) throw new Error(`nothing changed in ${model}`);
  writeFileSync(file, after);
}

export const pageOf = (page: string): string => readFileSync(path.join(projectRoot, 'docs', page), 'utf8');

/** The diffs of a page, in their order. */
export const diffsOf = (page: string): string[] =>
  [...pageOf(page).matchAll(/```diff\n([^]*?\n)```/g)].map(([, diff = '']) => diff);

/** Applies a diff as git does: whatever doesn't fit any more fails. */
export async function applyDiff(root: string, diff: string): Promise<void> {
  await execa('git', ['apply', '--whitespace=nowarn', '-'], {
    cwd: root,
    input: diff,
    // a checkout in the temporary folder belongs to no repository
    env: { GIT_CEILING_DIRECTORIES: path.dirname(root) },
  });
}
