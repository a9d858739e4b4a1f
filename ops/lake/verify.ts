import { hash } from 'node:crypto';
import { z } from 'zod';
import { verifyLake } from '../../extract/land/index.ts';
import { feedsFile, openLake, publishFolder, readCurrentGeneration, type Lake } from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { createProgress } from '../progress/index.ts';

export interface WholeVerification {
  /** Landed and compacted files: as `land --verify` finds them. */
  landed: { batches: number; compactions: number; files: number; rows: number };
  generations: { count: number; files: number; bytes: number };
  /** True where content was read and hashed, not sizes alone. */
  deep: boolean;
  problems: { path: string; problem: string }[];
}

const manifestSchema = z.object({
  files: z.record(z.string(), z.object({ bytes: z.number(), sha256: z.string() })),
});

const json = async (lake: Lake, file: string): Promise<unknown> => {
  const content = await lake.read(file);
  if (content === null) return null;
  try {
    return JSON.parse(Buffer.from(content).toString('utf8'));
  } catch {
    return undefined;
  }
};

/** Each generation's files against its own manifest; those that ranking began and never finished have none, and don't count. */
async function verifyGenerations(lake: Lake, deep: boolean, found: WholeVerification): Promise<Set<string>> {
  const sizes = new Map((await lake.list('feeds')).map((file) => [file.path, file.bytes]));
  const manifests = [...sizes.keys()].filter((file) =>
    /^feeds\/generation=[^/]+\/manifest\.json$/.test(file),
  );
  const progress = createProgress({ label: 'generations', total: manifests.length });
  const whole = new Set<string>();
  for (const file of manifests) {
    const folder = file.slice(0, -'/manifest.json'.length);
    const manifest = manifestSchema.safeParse(await json(lake, file));
    progress.advance();
    if (!manifest.success) {
      found.problems.push({ path: file, problem: 'it is not the manifest of a generation' });
      continue;
    }
    found.generations.count++;
    whole.add(folder);
    for (const [name, stated] of Object.entries(manifest.data.files)) {
      const moved = `${folder}/${feedsFile}`; // by hand, in a generation from before it: docs/engines.md
      const target = name === 'feeds.parquet' && sizes.has(moved) ? moved : `${folder}/${name}`;
      const bytes = sizes.get(target);
      if (bytes === undefined)
        found.problems.push({
          path: target,
          problem: "its generation's manifest names it and it is missing",
        });
      else if (bytes !== stated.bytes)
        found.problems.push({
          path: target,
          problem: `${bytes} bytes where its manifest says ${stated.bytes}`,
        });
      else if (deep) {
        const content = await lake.read(target);
        if (content === null || hash('sha256', content) !== stated.sha256)
          found.problems.push({ path: target, problem: 'its sha256 is not what its manifest says' });
      }
      found.generations.files++;
      found.generations.bytes += bytes ?? 0;
    }
  }
  progress.done();
  return whole;
}

/**
 * Compares what manifests and pointers of the lake say with what is there: landed and compacted files by rows, generations by
 * size, and by content where `deep`, and what the pointers point to.
 */
export async function verifyWholeLake(options: {
  config: Config;
  deep?: boolean;
}): Promise<WholeVerification> {
  const { config, deep = false } = options;
  const lake = openLake(config.lake);
  const { problems, ...landed } = await verifyLake({ config });
  const found: WholeVerification = {
    landed,
    generations: { count: 0, files: 0, bytes: 0 },
    deep,
    problems: [...problems],
  };
  const whole = await verifyGenerations(lake, deep, found);
  const current = await readCurrentGeneration(lake);
  if (current !== null && !whole.has(`feeds/generation=${encodeURIComponent(current.generation)}`))
    found.problems.push({
      path: 'feeds/current.json',
      problem: `generation ${current.generation} is in force and has no manifest`,
    });
  const queue = z.object({ publish_id: z.string() }).safeParse(await json(lake, 'queue/current.json'));
  const labels = queue.success ? `${publishFolder('queue', queue.data.publish_id)}/labels.parquet` : null;
  if (labels !== null && !(await lake.exists(labels)))
    found.problems.push({ path: 'queue/current.json', problem: `it points to ${labels}, which is missing` });
  return found;
}
