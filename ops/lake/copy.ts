import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Lake, StoredFile } from '../../lake/index.ts';
import { createProgress } from '../progress/index.ts';
import { lakeCommandErrors } from './errors.ts';

export interface CopyOptions {
  from: Lake;
  to: Lake;
  /** Folder of the lake to copy; all of it by default. */
  prefix?: string;
  /** Compares content where name and size are equal, and reads back what was copied. */
  checksum?: boolean;
  /** Files on their way at once; default 4. */
  parallel?: number;
  signal?: AbortSignal;
  now?: () => number;
}

export interface CopySummary {
  copied: number;
  bytes: number;
  /** There already. */
  kept: number;
  /** Of the source, gone before their turn came: compacted or removed meanwhile. */
  gone: number;
  /** Whose copy, read back, isn't what was read; only with `checksum`. */
  differ: string[];
  stopped: boolean;
  seconds: number;
}

/** Passes over a lake in which files come and go meanwhile. */
const maxPasses = 3;

/** What moves or says what is so: it is copied again each time, and after all that it speaks of. */
const movable = (file: string): boolean =>
  path.posix.basename(file).startsWith('current.') || file.startsWith('raw/_compactions/');

/** Leases are of processes that work on the source. */
const leftOut = (file: string): boolean => file.startsWith('leases/');

/** Data first, then what describes it, pointers last: a copy that breaks off never points to what isn't there. */
const rank = (file: string): number => (movable(file) ? 2 : file.endsWith('.json') ? 1 : 0);

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

const inside = (inner: string, outer: string): boolean => `${inner}/`.startsWith(`${outer}/`);

/**
 * Copies a lake to another place, and goes on where a copy before it broke off: what the target has under the same name with
 * the same size stays, since files of a lake don't change, and what moves is copied anew. A file is in the target whole or not
 * at all.
 * @throws FeedtrialError FT_LAKE_COPY_SAME, FT_LAKE_COPY_EMPTY, and whatever the stores say
 */
export async function copyLake(options: CopyOptions): Promise<CopySummary> {
  const { from, to, prefix = '', checksum = false, parallel = 4, signal, now = Date.now } = options;
  if (inside(from.root, to.root) || inside(to.root, from.root)) throw lakeCommandErrors.same(from.root);
  const startedMs = now();
  const summary: CopySummary = {
    copied: 0,
    bytes: 0,
    kept: 0,
    gone: 0,
    differ: [],
    stopped: false,
    seconds: 0,
  };
  const stopped = (): boolean => signal?.aborted ?? false;
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'feedtrial-copy-'));
  const settled = new Set<string>();

  const hashIn = async (lake: Lake, file: string): Promise<string | null> => {
    const local = path.join(scratch, randomUUID());
    try {
      return (await lake.download(file, local)) ? await sha256(local) : null;
    } finally {
      await rm(local, { force: true });
    }
  };

  const copyOne = async (file: StoredFile, there: StoredFile | undefined): Promise<void> => {
    if (there?.bytes === file.bytes && !movable(file.path))
      if (!checksum || (await hashIn(from, file.path)) === (await hashIn(to, file.path))) {
        summary.kept++;
        return;
      }
    const local = path.join(scratch, randomUUID());
    try {
      if (!(await from.download(file.path, local))) {
        summary.gone++;
        return;
      }
      const hash = checksum ? await sha256(local) : null;
      await to.adopt(local, file.path);
      summary.copied++;
      summary.bytes += file.bytes;
      if (hash !== null && (await hashIn(to, file.path)) !== hash) summary.differ.push(file.path);
    } finally {
      await rm(local, { force: true });
    }
  };

  try {
    for (let pass = 1; pass <= maxPasses && !stopped(); pass++) {
      const all = (await from.list(prefix)).filter((file) => !leftOut(file.path));
      if (all.length === 0 && pass === 1) throw lakeCommandErrors.empty(from.root);
      const fresh = all.filter((file) => !settled.has(`${file.path} ${file.bytes} ${file.modifiedMs}`));
      if (fresh.length === 0) break;
      const there = new Map((await to.list(prefix)).map((file) => [file.path, file]));
      const total = fresh.reduce((sum, file) => sum + file.bytes, 0);
      const progress = createProgress({
        label: pass === 1 ? 'copy' : 'copy what is new',
        total: fresh.length,
        unit: 'files',
      });
      let doneBytes = 0;
      for (const stage of [0, 1, 2]) {
        const waiting = fresh.filter((file) => rank(file.path) === stage);
        const work = async (): Promise<void> => {
          for (let file = waiting.shift(); file && !stopped(); file = waiting.shift()) {
            await copyOne(file, there.get(file.path));
            settled.add(`${file.path} ${file.bytes} ${file.modifiedMs}`);
            doneBytes += file.bytes;
            progress.advance();
            progress.note(`${(doneBytes / 1e6).toFixed(0)} of ${(total / 1e6).toFixed(0)} MB`);
          }
        };
        await Promise.all(Array.from({ length: parallel }, work));
        if (stopped()) break; // no pointer without what it points to
      }
      progress.done();
    }
    summary.stopped = stopped();
    return summary;
  } finally {
    await rm(scratch, { recursive: true, force: true });
    summary.seconds = (now() - startedMs) / 1000;
  }
}
