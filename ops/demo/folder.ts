import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig, type Config } from '../config/index.ts';
import { demoErrors } from './errors.ts';

/** Variables of the caller that the demo listens to; everything else of theirs points at their own lake. */
const inherited = [
  'FEEDTRIAL_MODELS',
  'FEEDTRIAL_MEMORY_LIMIT',
  'FEEDTRIAL_THREADS',
  'FEEDTRIAL_JETSTREAM_URL',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
];

/** Environment of a demo whose whole state is in one folder; what the CLI needs to look at it afterwards. */
export function demoEnvironment(folder: string): Record<string, string> {
  return {
    FEEDTRIAL_LAKE: path.join(folder, 'lake'),
    FEEDTRIAL_PRIVATE_LAKE: path.join(folder, 'private'),
    FEEDTRIAL_SPOOL: path.join(folder, 'spool'),
    FEEDTRIAL_WAREHOUSE: path.join(folder, 'warehouse', 'feedtrial.duckdb'),
    FEEDTRIAL_STUDY_DB: path.join(folder, 'study', 'study.sqlite'),
    FEEDTRIAL_STUDY: 'demo',
    FEEDTRIAL_LABEL_PROFILE: 'demo',
    FEEDTRIAL_HOSTNAME: 'feedtrial.localhost',
    FEEDTRIAL_ALLOW_LOOPBACK: '1',
  };
}

/** The demo's configuration. `FEEDTRIAL_LOG_LEVEL` is 'warn' unless the caller says otherwise. */
export function demoConfig(folder: string, env: NodeJS.ProcessEnv = process.env): Config {
  const taken = Object.fromEntries(inherited.map((name) => [name, env[name]]));
  return loadConfig(
    { ...taken, FEEDTRIAL_LOG_LEVEL: env.FEEDTRIAL_LOG_LEVEL ?? 'warn', ...demoEnvironment(folder) },
    folder,
  );
}

/**
 * Writes `env` in the folder: what a shell has to read for the CLI to work on the demo.
 * @param running what is known only while the demo runs: its server's port, its network's addresses
 */
export function writeEnvironment(folder: string, running: Record<string, string> = {}): void {
  const lines = Object.entries({ ...demoEnvironment(folder), ...running }).map(
    ([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`,
  );
  writeFileSync(path.join(folder, 'env'), `${lines.join('\n')}\n`);
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** Where the demo's processes put what is temporary. */
export const temporaryFolderOf = (folder: string): string => path.join(folder, 'tmp');

/**
 * Empties the demo's folder and takes it for this process. From here on what this process and its children put in the
 * temporary folder is in there too.
 * @returns gives it back: the temporary part is removed, what the demo made stays to be looked at
 * @throws FeedtrialError FT_DEMO_RUNNING where another demo uses the folder
 */
export function claimFolder(folder: string): () => void {
  const owner = path.join(folder, 'demo.pid');
  const pid = existsSync(owner) ? Number(readFileSync(owner, 'utf8')) : 0;
  if (pid > 0 && pid !== process.pid && isAlive(pid)) throw demoErrors.running(pid);
  rmSync(folder, { recursive: true, force: true });
  const temporary = temporaryFolderOf(folder);
  mkdirSync(temporary, { recursive: true });
  writeFileSync(owner, String(process.pid));
  writeEnvironment(folder);
  const before = process.env.TMPDIR;
  process.env.TMPDIR = temporary;
  if (os.tmpdir() !== temporary) throw new Error(`the temporary folder is ${os.tmpdir()}, not ${temporary}`);
  return () => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmSync(temporary, { recursive: true, force: true });
    rmSync(owner, { force: true });
  };
}
