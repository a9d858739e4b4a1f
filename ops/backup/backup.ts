import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import Database from 'better-sqlite3';
import {
  backupLock,
  describeHolder,
  makePrivate,
  openLake,
  waitForLock,
  type Lake,
} from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { newRunId, runStage, type StageContext } from '../telemetry/index.ts';
import { backupErrors } from './errors.ts';
import { dumpStore } from './postgres.ts';

/** `manifest.json` of a backup, written last: a folder without one is not whole. */
export interface BackupManifest {
  made: string;
  study: string;
  store: 'sqlite' | 'postgres' | 'none';
  /** Files from the backup's folder, with their SHA-256. */
  files: { path: string; sha256: string; bytes: number }[];
}

export interface BackupOptions {
  config: Config;
  /** Folder that holds one folder a backup; FEEDTRIAL_BACKUP by default. */
  to?: string;
  /** Older ones are removed once this one is whole; FEEDTRIAL_BACKUP_DAYS by default. */
  keepDays?: number;
  now?: () => number;
}

export interface BackupSummary {
  folder: string;
  files: number;
  bytes: number;
  removed: string[];
}

export const manifestFile = 'manifest.json';
const nameOf = /^\d{8}T\d{6}Z$/;

/** What of the lake is ever replaced. Everything else there is written once, and is kept by copies of the lake itself. */
export const pointers = [
  'feeds/current.json',
  'queue/current.json',
  'observe/current.json',
  'alerts/told.json',
  'raw/hidden_files/current.parquet',
];

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function copyOut(lake: Lake, from: string, to: string): Promise<boolean> {
  const content = await lake.read(from);
  if (content === null) return false;
  await fs.mkdir(path.dirname(to), { recursive: true, mode: 0o700 });
  await fs.writeFile(to, content, { mode: 0o600 });
  return true;
}

/** A consistent copy, also while people enrol. */
async function copyStore(studyDb: string, folder: string): Promise<BackupManifest['store']> {
  if (/^postgres(ql)?:\/\//.test(studyDb)) {
    await dumpStore(studyDb, path.join(folder, 'study.dump'));
    return 'postgres';
  }
  if (!(await fs.stat(studyDb).catch(() => null))) return 'none';
  const store = new Database(studyDb, { readonly: true, fileMustExist: true });
  try {
    await store.backup(path.join(folder, 'study.sqlite'));
  } finally {
    store.close();
  }
  return 'sqlite';
}

/** Backups of a folder that are whole, by name, oldest first. Erasure goes through them as well. */
export async function listBackups(folder: string): Promise<string[]> {
  const names = await fs.readdir(folder).catch(() => []);
  const whole = await Promise.all(
    names.map(async (name) =>
      nameOf.test(name) && (await fs.stat(path.join(folder, name, manifestFile)).catch(() => null)) !== null
        ? name
        : null,
    ),
  );
  return whole.filter((name) => name !== null).toSorted();
}

async function walk(folder: string): Promise<string[]> {
  const entries = await fs.readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .toSorted();
}

/**
 * Copies what can't be made again: the study store, the private lake, and the pointers of the lake. The lake itself is large
 * and written once: keep a copy of it by its own means. One that is killed leaves a `.pending` folder, which the next removes.
 * @throws FeedtrialError FT_BACKUP_NOWHERE, FT_BACKUP_BUSY, FT_BACKUP_TOOL
 */
export async function backup(options: BackupOptions): Promise<BackupSummary> {
  const { config, now = Date.now, keepDays = config.backupDays } = options;
  const to = options.to ?? config.backup;
  if (to === undefined) throw backupErrors.nowhere();
  const runId = newRunId(now());
  return runStage({ config, dag: 'backup', runId, stage: 'backup', now }, async (stage) => {
    const home = path.resolve(to);
    await makePrivate(home);
    const lockFile = path.join(home, backupLock);
    const lock = await waitForLock(lockFile, { waitMs: 60_000 });
    if (lock === null) throw backupErrors.busy(describeHolder(lockFile));
    try {
      return await makeBackup({ config, home, keepDays, now, stage });
    } finally {
      lock.release();
    }
  });
}

async function makeBackup(options: {
  config: Config;
  home: string;
  keepDays: number;
  now: () => number;
  stage: StageContext;
}): Promise<BackupSummary> {
  const { config, home, keepDays, now, stage } = options;
  for (const name of await fs.readdir(home))
    if (name.startsWith('.pending-')) await fs.rm(path.join(home, name), { recursive: true, force: true });
  const name = new Date(now()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const pending = path.join(home, `.pending-${name}`);
  await fs.mkdir(pending, { mode: 0o700 });
  const store = await copyStore(config.studyDb, pending);
  const privateLake = openLake(config.privateLake);
  for (const file of await privateLake.list(''))
    await copyOut(privateLake, file.path, path.join(pending, 'private', file.path));
  const lake = openLake(config.lake);
  for (const pointer of pointers) await copyOut(lake, pointer, path.join(pending, 'lake', pointer));
  const files = [];
  for (const file of await walk(pending)) {
    const at = path.join(pending, file);
    files.push({ path: file, sha256: await sha256Of(at), bytes: (await fs.stat(at)).size });
  }
  const manifest: BackupManifest = {
    made: new Date(now()).toISOString(),
    study: config.study,
    store,
    files,
  };
  await fs.writeFile(path.join(pending, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`, {
    flush: true,
    mode: 0o600,
  });
  const folder = path.join(home, name);
  await fs.rename(pending, folder);
  const oldestMs = now() - keepDays * 86_400_000;
  const removed: string[] = [];
  for (const old of await listBackups(home)) {
    const [, y, m, d, h, min, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(old) ?? [];
    if (old === name || Date.UTC(+y!, +m! - 1, +d!, +h!, +min!, +s!) >= oldestMs) continue;
    await fs.rm(path.join(home, old), { recursive: true, force: true });
    removed.push(old);
  }
  stage.records = files.length;
  return { folder, files: files.length, bytes: files.reduce((sum, file) => sum + file.bytes, 0), removed };
}
