import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from './free-port.ts';

/** A PostgreSQL of one test file, on loopback, in a folder that goes with it. */
export interface Postgres {
  port: number;
  /** URL of a new, empty database. */
  database(): Promise<string>;
  /** Stops answering until `resume`: the processes are there and do nothing. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

const root = '/usr/lib/postgresql';

/** Folder of PostgreSQL's programs as Debian installs them; null where there is none. */
export function findPostgres(): string | null {
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = versions.map((version) => path.join(root, version, 'bin'));
  return folders.find((folder) => existsSync(path.join(folder, 'initdb'))) ?? null;
}

/** What to say where tests are skipped for want of it. */
export const postgresMissing = "PostgreSQL isn't installed: 'npm run setup:services -- postgres'";

/** PostgreSQL refuses to run as root: then the user that Debian's package made runs it. */
function runner(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number =>
    Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout.trim());
  return { uid: id('-u'), gid: id('-g') };
}

/** A temporary folder that the user can get to: the one of this process may be root's alone. */
function folderFor(user: { uid?: number; gid?: number }): string {
  const reached = [os.tmpdir(), '/tmp', '/var/tmp'].find(
    (folder) => spawnSync('sh', ['-c', 'cd "$0"', folder], { ...user, cwd: '/' }).status === 0,
  );
  return reached ?? os.tmpdir();
}

/** Starts a server; call it where `findPostgres()` is not null. */
export async function startPostgres(): Promise<Postgres> {
  const programs = findPostgres();
  if (programs === null) throw new Error(postgresMissing);
  const user = runner();
  const home = mkdtempSync(path.join(folderFor(user), 'feedtrial-postgres-'));
  const data = path.join(home, 'data');
  chmodSync(home, 0o777);
  const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8', TZ: 'UTC' };
  const made = spawnSync(
    path.join(programs, 'initdb'),
    ['-D', data, '-U', 'feedtrial', '--auth=trust', '--no-sync', '-E', 'UTF8'],
    { ...user, env, encoding: 'utf8', cwd: home },
  );
  if (made.status !== 0) {
    rmSync(home, { recursive: true, force: true });
    throw new Error(`initdb failed: ${made.stderr}`);
  }
  const port = await freePort();
  let server: ReturnType<typeof spawn> | null = null;
  const start = async (): Promise<void> => {
    // its standard input is this process's: where that ends, however it does, the shell ends PostgreSQL
    const command = '"$0" "$@" & server=$!; cat > /dev/null; kill -INT $server; wait $server';
    const child = spawn(
      'sh',
      [
        '-c',
        command,
        path.join(programs, 'postgres'),
        ...[
          '-D',
          data,
          '-p',
          String(port),
          '-h',
          '127.0.0.1',
          '-k',
          '',
          '-c',
          'fsync=off',
          '-c',
          'max_connections=100',
        ],
      ],
      { ...user, env, cwd: home, stdio: ['pipe', 'ignore', 'pipe'] },
    );
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4_000);
    });
    server = child;
    for (let attempt = 0; ; attempt++) {
      const client = new pg.Client({ host: '127.0.0.1', port, user: 'feedtrial', database: 'postgres' });
      try {
        await client.connect();
        await client.end();
        return;
      } catch (error) {
        if (child.exitCode !== null || attempt > 300)
          throw new Error(`PostgreSQL did not start: ${said}`, { cause: error });
        await sleep(100);
      }
    }
  };
  const stop = async (): Promise<void> => {
    const child = server;
    server = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.stdin?.end(); // a fast shutdown: connections are ended
    await ended;
  };
  await start();
  let count = 0;
  return {
    port,
    start,
    stop,
    async database() {
      const name = `test_${++count}`;
      const client = new pg.Client({ host: '127.0.0.1', port, user: 'feedtrial', database: 'postgres' });
      await client.connect();
      await client.query(`CREATE DATABASE ${name}`);
      await client.end();
      return `postgres://feedtrial:secret-password@127.0.0.1:${port}/${name}`;
    },
    async close() {
      await stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
