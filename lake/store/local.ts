import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { lakeErrors } from '../errors.ts';
import { takeLock } from '../lock/index.ts';
import type { Lake, StoredFile } from './store.ts';

const hasCode = (error: unknown, ...codes: string[]) =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code));

async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a folder that is still there after a power cut: each folder that is new is written into the one above it. */
async function makeFolder(folder: string): Promise<void> {
  const first = await fs.mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; ; made = path.dirname(made)) {
    await syncFolder(path.dirname(made));
    if (made === first) return;
  }
}

/** Names its process, so that what a killed one left can be told from work in progress. */
const temporaryName = (target: string): string =>
  `${target}.${os.hostname()}.${process.pid}.${randomUUID()}.tmp`;

const ourTemporary = /\.([^/]+)\.(\d+)\.[0-9a-f]{8}-[0-9a-f-]{27}\.tmp$/;
const dayMs = 86_400_000;

function isDead(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return hasCode(error, 'ESRCH');
  }
}

/** Work in progress and locks are no files of the lake. */
const unlisted = ['.tmp', '.lock', '.lock.holder'];

/** A lake in a folder of this machine. Every write goes to a temporary name, is fsynced, then renamed. */
export class LocalLake implements Lake {
  readonly root: string;

  constructor(root: string) {
    this.root = path.resolve(root);
  }

  uri(relative: string): string {
    if (path.isAbsolute(relative) || relative.split('/').includes('..'))
      throw lakeErrors.pathEscapes(relative);
    return path.join(this.root, relative);
  }

  async list(folder: string): Promise<StoredFile[]> {
    const found: StoredFile[] = [];
    const walk = async (absolute: string): Promise<void> => {
      const entries = await fs.readdir(absolute, { withFileTypes: true }).catch((error: unknown) => {
        if (hasCode(error, 'ENOENT')) return [];
        throw error;
      });
      for (const entry of entries) {
        const full = path.join(absolute, entry.name);
        if (entry.isDirectory()) await walk(full);
        else if (!unlisted.some((suffix) => entry.name.endsWith(suffix))) {
          const stat = await fs.stat(full).catch(() => null); // removed between readdir and stat
          if (stat)
            found.push({
              path: path.relative(this.root, full).split(path.sep).join('/'),
              bytes: stat.size,
              modifiedMs: stat.mtimeMs,
            });
        }
      }
    };
    await walk(this.uri(folder));
    return found.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  async read(relative: string): Promise<Uint8Array | null> {
    try {
      return await fs.readFile(this.uri(relative));
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return null;
      throw error;
    }
  }

  async exists(relative: string): Promise<boolean> {
    const stat = await fs.stat(this.uri(relative)).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return null;
      throw error;
    });
    return stat?.isFile() ?? false;
  }

  async write(relative: string, content: Uint8Array | string): Promise<void> {
    const temporary = await this.#stage(relative, content);
    await this.#move(temporary, this.uri(relative));
  }

  async create(relative: string, content: Uint8Array | string): Promise<boolean> {
    const temporary = await this.#stage(relative, content);
    try {
      await fs.link(temporary, this.uri(relative));
      await syncFolder(path.dirname(temporary));
      return true;
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false;
      throw error;
    } finally {
      await fs.rm(temporary, { force: true });
    }
  }

  async adopt(localFile: string, relative: string): Promise<void> {
    const target = this.uri(relative);
    await makeFolder(path.dirname(target));
    const handle = await fs.open(localFile, 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    try {
      await this.#move(localFile, target);
    } catch (error) {
      if (!hasCode(error, 'EXDEV')) throw error;
      await this.#copyInto(localFile, target); // another file system
      await fs.rm(localFile, { force: true });
    }
  }

  async upload(localFile: string, relative: string): Promise<void> {
    const target = this.uri(relative);
    await makeFolder(path.dirname(target));
    await this.#copyInto(localFile, target);
  }

  async download(relative: string, localFile: string): Promise<boolean> {
    try {
      await fs.copyFile(this.uri(relative), localFile);
      return true;
    } catch (error) {
      if (hasCode(error, 'ENOENT') && !(await this.exists(relative))) return false;
      throw error;
    }
  }

  async remove(relative: string): Promise<void> {
    await fs.rm(this.uri(relative), { force: true });
  }

  /** A folder keeps no versions. */
  async purge(relative: string): Promise<void> {
    await this.remove(relative);
  }

  async purgeHistory(): Promise<void> {}

  async sweep(nowMs: number): Promise<number> {
    let removed = 0;
    const walk = async (folder: string): Promise<void> => {
      const entries = await fs.readdir(folder, { withFileTypes: true }).catch(() => []); // removed meanwhile
      for (const entry of entries) {
        const full = path.join(folder, entry.name);
        if (entry.isDirectory()) await walk(full);
        else if (entry.name.endsWith('.tmp')) {
          const [, before = '', pid = ''] = ourTemporary.exec(entry.name) ?? [];
          const isOrphan = before.endsWith(os.hostname()) && isDead(Number(pid));
          const stat = isOrphan ? null : await fs.stat(full).catch(() => null);
          if (!isOrphan && (stat === null || nowMs - stat.mtimeMs < dayMs)) continue;
          await fs.rm(full, { force: true });
          removed++;
        }
      }
    };
    await walk(this.root);
    return removed;
  }

  async swap(relative: string, expected: Uint8Array | null, next: string): Promise<void> {
    // A lock beside the pointer makes compare and rename one step for all publishers of this machine.
    const target = this.uri(relative);
    await makeFolder(path.dirname(target));
    const lock = takeLock(`${target}.lock`);
    if (lock === null) throw lakeErrors.raced(relative);
    try {
      const current = await this.read(relative);
      const same =
        expected === null ? current === null : current !== null && Buffer.compare(current, expected) === 0;
      if (!same) throw lakeErrors.raced(relative);
      await this.write(relative, next);
    } finally {
      lock.release();
    }
  }

  async #stage(relative: string, content: Uint8Array | string): Promise<string> {
    const target = this.uri(relative);
    await makeFolder(path.dirname(target));
    const temporary = temporaryName(target);
    const handle = await fs.open(temporary, 'wx');
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    return temporary;
  }

  /** Copies beside the target, then renames. */
  async #copyInto(localFile: string, target: string): Promise<void> {
    const temporary = temporaryName(target);
    await fs.copyFile(localFile, temporary);
    const copy = await fs.open(temporary, 'r+');
    await copy.sync();
    await copy.close();
    await this.#move(temporary, target);
  }

  async #move(from: string, to: string): Promise<void> {
    await fs.rename(from, to);
    await syncFolder(path.dirname(to));
  }
}
