import fs from 'node:fs/promises';
import path from 'node:path';
import { makePrivate, openLake } from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { takeLease } from '../cycle/lease.ts';
import { probeServer } from '../status/server.ts';
import { newRunId } from '../telemetry/index.ts';
import { manifestFile, sha256Of, type BackupManifest } from './backup.ts';
import { backupErrors } from './errors.ts';
import { restoreStore } from './postgres.ts';

export interface RestoreOptions {
  config: Config;
  /** Folder of one backup. */
  from: string;
  /** Moves what is there aside, to names that end in `.before-<time>`. */
  replace?: boolean;
  now?: () => number;
}

export interface RestoreSummary {
  made: string;
  files: number;
  /** Pointers that were put in place. */
  pointers: string[];
  /** Pointers that were not: what they point to is not in this lake. */
  left: string[];
  movedAside: string[];
}

async function readWhole(folder: string): Promise<BackupManifest> {
  const text = await fs.readFile(path.join(folder, manifestFile), 'utf8').catch(() => null);
  if (text === null) throw backupErrors.notOne(folder, `there is no ${manifestFile}`);
  const manifest = JSON.parse(text) as BackupManifest;
  for (const file of manifest.files) {
    const at = path.join(folder, file.path);
    if (!(await fs.stat(at).catch(() => null))) throw backupErrors.notOne(folder, `${file.path} is missing`);
    if ((await sha256Of(at)) !== file.sha256) throw backupErrors.notOne(folder, `${file.path} has changed`);
  }
  return manifest;
}

/** Whether what a pointer of the lake names is there. Of one that names nothing, yes. */
async function pointsSomewhere(config: Config, pointer: string, content: Buffer): Promise<boolean> {
  const lake = openLake(config.lake);
  const folders: Record<string, (value: Record<string, string>) => string> = {
    'feeds/current.json': (value) => `feeds/generation=${value.generation}`,
    'queue/current.json': (value) => `queue/publish=${value.publish_id}`,
    'observe/current.json': (value) => `observe/publish=${value.publish_id}`,
  };
  const folder = folders[pointer];
  if (folder === undefined) return true;
  return (await lake.list(folder(JSON.parse(content.toString('utf8')) as Record<string, string>))).length > 0;
}

/**
 * Puts a backup in place: checked whole before anything is touched; store and private lake first, pointers last. What was
 * decided since the backup, withdrawals and erasures among it, is not in it.
 * @throws FeedtrialError FT_BACKUP_BROKEN, FT_RESTORE_THERE, FT_RESTORE_AT_WORK, FT_BACKUP_TOOL
 */
export async function restore(options: RestoreOptions): Promise<RestoreSummary> {
  const { config, replace = false, now = Date.now } = options;
  const from = path.resolve(options.from);
  const manifest = await readWhole(from);
  if ((await probeServer(config.host, config.port)).up) throw backupErrors.atWork('the feed server');
  const lake = openLake(config.lake);
  const lease = await takeLease({ lake, name: 'cycle', runId: newRunId(now()), now });
  const stamp = new Date(now()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const movedAside: string[] = [];
  const makeRoom = async (place: string): Promise<void> => {
    if (!(await fs.stat(place).catch(() => null))) return;
    if (!replace) throw backupErrors.there(place);
    await fs.rename(place, `${place}.before-${stamp}`);
    movedAside.push(`${place}.before-${stamp}`);
  };
  try {
    if (manifest.store === 'sqlite') {
      // the log of the old store would be read into the new one
      for (const suffix of ['', '-wal', '-shm']) await makeRoom(`${config.studyDb}${suffix}`);
      await makePrivate(path.dirname(config.studyDb));
      await fs.copyFile(path.join(from, 'study.sqlite'), config.studyDb);
    } else if (manifest.store === 'postgres') {
      const dump = path.join(from, 'study.dump');
      const aside = await restoreStore(config.studyDb, dump, { replace, stamp });
      if (aside !== null) movedAside.push(`schema ${aside}`);
    }
    const privateFiles = manifest.files.filter((file) => file.path.startsWith('private/'));
    if (path.isAbsolute(config.privateLake)) {
      await makeRoom(config.privateLake);
      await makePrivate(config.privateLake);
    }
    const privateLake = openLake(config.privateLake);
    for (const file of privateFiles)
      await privateLake.write(
        file.path.slice('private/'.length),
        await fs.readFile(path.join(from, file.path)),
      );
    const placed: string[] = [];
    const left: string[] = [];
    for (const file of manifest.files.filter(({ path: name }) => name.startsWith('lake/'))) {
      const pointer = file.path.slice('lake/'.length);
      const content = await fs.readFile(path.join(from, file.path));
      if (!(await pointsSomewhere(config, pointer, content))) {
        left.push(pointer);
        continue;
      }
      if ((await lake.exists(pointer)) && !replace) throw backupErrors.there(pointer);
      await lake.write(pointer, content);
      placed.push(pointer);
    }
    return { made: manifest.made, files: manifest.files.length, pointers: placed, left, movedAside };
  } finally {
    await lease.release();
  }
}
