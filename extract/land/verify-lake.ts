import { openEngine, openLake, type Lake } from '../../lake/index.ts';
import type { Config } from '../../ops/config/index.ts';
import type { Manifest } from './batch.ts';
import { countRows, readCompactions, type CountedFile } from './compact/index.ts';

export interface LakeVerification {
  batches: number;
  compactions: number;
  /** Files that are there and were compared. */
  files: number;
  rows: number;
  problems: { path: string; problem: string }[];
}

const manifestFolder = 'raw/_manifests';
/** Footers that are read at a time. */
const atATime = 500;

async function* readManifests(lake: Lake): AsyncGenerator<Manifest> {
  for (const { path } of await lake.list(manifestFolder)) {
    const content = path.endsWith('.json') ? await lake.read(path) : null;
    if (content !== null) yield JSON.parse(Buffer.from(content).toString('utf8')) as Manifest;
  }
}

/**
 * Compares what manifests say of the lake's files with what their footers say: each landed file is there with the rows
 * that landing counted, or was compacted into one that is. Reads footers alone.
 */
export async function verifyLake({ config }: { config: Config }): Promise<LakeVerification> {
  const lake = openLake(config.lake);
  const found: LakeVerification = { batches: 0, compactions: 0, files: 0, rows: 0, problems: [] };
  const expected = new Map<string, number>();
  const expect = ({ path, rows }: CountedFile): void => {
    const stated = expected.get(path);
    if (stated !== undefined && stated !== rows)
      found.problems.push({ path, problem: `one manifest says ${stated} rows and another ${rows}` });
    expected.set(path, rows);
  };
  for await (const manifest of readManifests(lake)) {
    found.batches++;
    manifest.files.forEach(expect);
  }
  const compactions = await readCompactions(lake);
  const gone = new Set<string>();
  for (const { id, state, sources, target, erased_rows: erased = 0 } of compactions) {
    found.compactions++;
    const total = sources.reduce((sum, { rows }) => sum + rows, 0);
    if (total !== target.rows + erased)
      found.problems.push({ path: target.path, problem: `${id} made ${target.rows} rows of ${total}` });
    sources.forEach(expect);
    if (state === 'planned') continue;
    expect(target);
    for (const { path } of sources) gone.add(path); // may go at any moment: the target answers for their rows
  }

  const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
  try {
    const there: string[] = [];
    for (const path of expected.keys()) {
      if (await lake.exists(path)) there.push(path);
      else if (!gone.has(path))
        found.problems.push({ path, problem: 'a manifest names it and it is missing' });
    }
    for (let at = 0; at < there.length; at += atATime) {
      for (const { path, rows } of await countRows(lake, engine, there.slice(at, at + atATime))) {
        found.files++;
        found.rows += rows;
        const stated = expected.get(path);
        if (rows !== stated)
          found.problems.push({ path, problem: `${rows} rows where its manifest says ${stated}` });
      }
    }
  } finally {
    await engine.close();
  }
  return found;
}
