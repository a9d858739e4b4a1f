import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { enrichErrors } from '../errors.ts';

/** Labels that the students in this checkout give. */
export const starterLabels = ['toxic', 'constructive', 'sociopolitical', 'moral_outrage'] as const;
export type StarterLabel = (typeof starterLabels)[number];

/** Weights and model cards, one pair a label. */
export const starterFolder = path.join(import.meta.dirname, 'starter');

export const starterFile = (label: StarterLabel, folder = starterFolder): string =>
  path.join(folder, `${label}.json`);

/** @throws FeedtrialError FT_ENRICH_WEIGHTS_MISSING */
export async function readStarter(
  label: StarterLabel,
): Promise<{ file: string; text: string; version: string }> {
  const file = starterFile(label);
  if (!existsSync(file))
    throw enrichErrors.weightsMissing(`the starter student for '${label}'`, [starterFolder]);
  const text = await readFile(file, 'utf8');
  return { file, text, version: createHash('sha256').update(text).digest('hex') };
}
