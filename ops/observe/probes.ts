import fs from 'node:fs/promises';
import path from 'node:path';
import { listSealed } from '../../lake/index.ts';
import type { Config } from '../config/index.ts';
import { describeError } from '../errors/index.ts';
import { probeServer, type ServerStatus } from '../status/server.ts';

/** One thing read off this machine. SQL decides whether it is too much. */
export interface Reading {
  probe: 'server' | 'server_ready' | 'disk' | 'spool';
  /** Which of several, such as the place on a disk; '' where there is but one. */
  subject: string;
  isOk: boolean;
  value: number | null;
  unit: string;
  /** In words, for whoever has to do something about it. */
  reason: string | null;
}

/** How full the disk of a folder is, 0 to 1, as `df` counts: of what this user may fill. */
export interface Fullness {
  share: number;
  freeBytes: number;
  /** The same for folders of one file system. */
  fileSystem: string;
}

export interface ProbeOptions {
  config: Config;
  now?: () => number;
  /** Tests bring disks that are full. */
  fullness?: (folder: string) => Promise<Fullness>;
  server?: (host: string, port: number) => Promise<ServerStatus>;
}

async function nearestFolder(folder: string): Promise<string> {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    const found = await fs.stat(at).catch(() => null);
    if (found?.isDirectory() || at === path.dirname(at)) return at;
  }
}

export async function fullnessOf(folder: string): Promise<Fullness> {
  const existing = await nearestFolder(folder);
  const { bavail, bfree, blocks, bsize } = await fs.statfs(existing);
  const used = blocks - bfree;
  return {
    share: used + bavail === 0 ? 0 : used / (used + bavail),
    freeBytes: bavail * bsize,
    fileSystem: String((await fs.stat(existing)).dev),
  };
}

async function readDisks({ config, fullness = fullnessOf }: ProbeOptions): Promise<Reading[]> {
  const places: [string, string][] = [
    ['spool', config.spool],
    ['lake', config.lake],
    ['warehouse', path.dirname(config.warehouse)],
    ['private lake', config.privateLake],
    ['study', path.dirname(config.studyDb)],
  ];
  const seen = new Set<string>();
  const readings: Reading[] = [];
  for (const [subject, folder] of places) {
    if (!path.isAbsolute(folder)) continue; // a bucket doesn't fill
    try {
      const { share, freeBytes, fileSystem } = await fullness(folder);
      if (seen.has(fileSystem)) continue; // the first place on a disk speaks for it
      seen.add(fileSystem);
      const reason = `${(freeBytes / 2 ** 30).toFixed(1)} GB free at ${folder}`;
      readings.push({ probe: 'disk', subject, isOk: true, value: share, unit: 'share', reason });
    } catch (error) {
      readings.push({
        probe: 'disk',
        subject,
        isOk: false,
        value: null,
        unit: 'share',
        reason: describeError(error),
      });
    }
  }
  return readings;
}

/** How long what is sealed has been waiting for landing. Run records don't count: there is always one. */
function readSpool({ config, now = Date.now }: ProbeOptions): Reading {
  const waiting = listSealed(config.spool).filter((segment) => segment.stream !== 'runs');
  const oldestMs = Math.min(...waiting.map((segment) => Number(segment.id.slice(0, 13))));
  return {
    probe: 'spool',
    subject: '',
    isOk: true,
    value: waiting.length === 0 ? 0 : Math.max(0, (now() - oldestMs) / 1000),
    unit: 'seconds',
    reason: `${waiting.length} sealed segments wait`,
  };
}

/** The feed server: whether it is there, and whether it may be sent readers. Nothing where none is configured. */
async function readServer({ config, server = probeServer }: ProbeOptions): Promise<Reading[]> {
  if (config.port === 0) return []; // any free port: it can't be found
  const found = await server(config.host, config.port);
  const one = (probe: Reading['probe'], isOk: boolean): Reading => ({
    probe,
    subject: '',
    isOk,
    value: isOk ? 1 : 0,
    unit: 'up',
    reason: isOk ? null : `${found.url}: ${found.reason ?? 'it says no reason'}`,
  });
  if (!found.up) return [one('server', false)];
  return [one('server', true), one('server_ready', found.reason === null)];
}

/** Reads the machine: disks, the spool, the feed server. It waits a second or two for the server, never longer. */
export async function readProbes(options: ProbeOptions): Promise<Reading[]> {
  const [server, disks] = await Promise.all([readServer(options), readDisks(options)]);
  return [...server, ...disks, readSpool(options)];
}
