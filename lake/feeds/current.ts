import { z } from 'zod';
import type { Lake } from '../store/store.ts';
import { feedErrors } from './errors.ts';

/** The pointer that publishes a generation. */
export const currentGenerationPath = 'feeds/current.json';

/** Folder of a generation. */
export function generationFolder(generation: string): string {
  return `feeds/generation=${encodeURIComponent(generation)}`;
}

/** Where the rows of a generation's feeds are in its folder: alone in one, as engines read every file of a table's folder. */
export const feedsFile = 'positions/feeds.parquet';

/** The file of a generation's feeds, wherever it is: in one from before `feedsFile` it is beside the others. Null where there is none. */
export async function findFeeds(lake: Lake, generation: string): Promise<string | null> {
  for (const name of [feedsFile, 'feeds.parquet']) {
    const file = `${generationFolder(generation)}/${name}`;
    if (await lake.exists(file)) return file;
  }
  return null;
}

/** Folder of a generation's pairs in the private lake; there only where a score depended on the participant. */
export function pairsFolder(generation: string): string {
  return `pairs/generation=${encodeURIComponent(generation)}`;
}

/** Where a generation's Arrow file for serving is. */
export function servingPath(generation: string): string {
  return `${generationFolder(generation)}/serving.arrow`;
}

const pointer = z.object({
  generation: z.string().min(1),
  published_us: z.number().int(),
  as_of_us: z.number().int(),
  feeds: z.number().int().nonnegative(),
  positions: z.number().int().nonnegative(),
  serving: z.string().min(1),
});

/** What `feeds/current.json` says; all times in microseconds UTC. */
export interface CurrentGeneration {
  generation: string;
  published_us: number;
  /** The moment that ages were computed for. */
  as_of_us: number;
  feeds: number;
  positions: number;
  /** Path of the serving file in the lake. */
  serving: string;
}

/** The pointer's text. */
export function formatCurrentGeneration(current: CurrentGeneration): string {
  return `${JSON.stringify(pointer.parse(current), null, 2)}\n`;
}

/**
 * The generation in force, or null before the first was published.
 * @throws FeedtrialError FT_LAKE_CURRENT_MALFORMED where the pointer can't be read as one
 */
export async function readCurrentGeneration(lake: Lake): Promise<CurrentGeneration | null> {
  const bytes = await lake.read(currentGenerationPath);
  if (bytes === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw feedErrors.currentMalformed('it is not JSON');
  }
  const parsed = pointer.safeParse(value);
  if (!parsed.success)
    throw feedErrors.currentMalformed(
      parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '),
    );
  return parsed.data;
}
