import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../../ops/config/index.ts';
import { enrichErrors } from '../errors.ts';

/** Labels that the students in this checkout give. */
export const starterLabels = ['toxic', 'constructive', 'sociopolitical', 'moral_outrage'] as const;
export type StarterLabel = (typeof starterLabels)[number];

/** Weights and model cards, one pair a label. */
export const starterFolder = path.join(import.meta.dirname, 'starter');

export const starterFile = (label: string, folder = starterFolder): string =>
  path.join(folder, `${label}.json`);

/** Weights of the student that gives a label: what `train` wrote, else the starter; null where there is neither. */
export function studentFile(
  label: string,
  { studentsFolder }: Pick<Config, 'studentsFolder'>,
): string | null {
  const trained = starterFile(label, studentsFolder);
  if (existsSync(trained)) return trained;
  const starter = starterFile(label);
  return existsSync(starter) ? starter : null;
}

/** @throws FeedtrialError FT_ENRICH_WEIGHTS_MISSING */
export async function readStudent(
  label: string,
  config: Pick<Config, 'studentsFolder'>,
): Promise<{ file: string; text: string; version: string }> {
  const file = studentFile(label, config);
  if (file === null)
    throw enrichErrors.weightsMissing(`the student for '${label}'`, [config.studentsFolder, starterFolder]);
  const text = await readFile(file, 'utf8');
  return { file, text, version: createHash('sha256').update(text).digest('hex') };
}
