import { generationFolder, pairsFolder, readCurrentGeneration } from '../../lake/feeds/index.ts';
import type { Lake } from '../../lake/index.ts';

export interface CompactOptions {
  lake: Lake;
  privateLake: Lake;
  /** Generations that were published longer ago than this lose what only replaying and serving need. */
  keepDays: number;
  nowMs: number;
}

/**
 * What analysis needs stays for good: the feeds, the manifest with every hash and count, when it was published, what guardrails
 * measured, which feeds were short, which policies and participants there were.
 */
const kept =
  /^((?:positions\/)?feeds\.parquet|manifest\.json|published\.json|erased\.json|compacted\.json|inputs\/(guardrails|short|arms|policies|participants)\.parquet|inputs\/seeds\/.+)$/;

/** A cursor of a reader lives two days; a generation is served from for as long. */
const leastDays = 3;

/**
 * Compacts old generations for analysis: scored posts, follows, pairs, SQL and the file for serving go, feeds stay. Their
 * hashes stay in the manifest, and `replay` says that only these can be checked. The generation in force is left alone.
 * @returns names of those that were compacted now
 */
export async function compactGenerations(options: CompactOptions): Promise<string[]> {
  const { lake, privateLake, keepDays, nowMs } = options;
  const inForce = (await readCurrentGeneration(lake))?.generation;
  const oldMs = nowMs - Math.max(keepDays, leastDays) * 86_400_000;
  const filesOf = new Map<string, { path: string; modifiedMs: number }[]>();
  for (const file of await lake.list('feeds')) {
    const [, name] = /^feeds\/generation=([^/]+)\//.exec(file.path) ?? [];
    if (name !== undefined) filesOf.set(name, [...(filesOf.get(name) ?? []), file]);
  }
  const compacted: string[] = [];
  for (const [name, files] of filesOf) {
    const generation = decodeURIComponent(name);
    const folder = generationFolder(generation);
    const published = files.find(({ path }) => path === `${folder}/published.json`);
    if (generation === inForce || published === undefined || published.modifiedMs > oldMs) continue;
    const leaving = files.filter(({ path }) => !kept.test(path.slice(folder.length + 1)));
    const privateFiles = [
      ...(await privateLake.list(folder)),
      ...(await privateLake.list(pairsFolder(generation))),
    ];
    if (leaving.length === 0 && privateFiles.length === 0) continue;
    await lake.create(
      `${folder}/compacted.json`,
      `${JSON.stringify({ compacted_us: Math.round(nowMs * 1000), files: leaving.length + privateFiles.length })}\n`,
    );
    for (const { path } of leaving) await lake.remove(path);
    for (const { path } of privateFiles) await privateLake.remove(path);
    compacted.push(generation);
  }
  return compacted;
}
