import { randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { execa } from 'execa';
import type { Config } from '../config/index.ts';
import { pythonOf } from '../dbt/index.ts';
import { describeError } from '../errors/index.ts';
import { missingPins } from '../setup/environment.ts';
import { probeServer } from '../status/server.ts';
import { fail, ok, warn, type Finding } from './check.ts';

const setup = "run 'npm run setup'";

export async function checkNode(version = process.versions.node): Promise<Finding> {
  return Number(version.split('.')[0]) >= 24
    ? ok('node', version)
    : fail(
        'node',
        `${version}, expected 24 or later`,
        "run 'npm ci', and start through 'npm run' or 'feedtrial'",
      );
}

/** The Python of `.venv` and every pin of requirements/. */
export async function checkPython(config: Config): Promise<Finding[]> {
  const python = pythonOf(config.projectRoot);
  const outcome = await execa(python, ['-c', 'import sys; print(sys.version.split()[0])'], { reject: false });
  if (outcome.exitCode !== 0) return [fail('python', `${python} does not run`, setup)];
  const [major = 0, minor = 0] = outcome.stdout.split('.').map(Number);
  const interpreter =
    major === 3 && minor >= 11
      ? ok('python', `${outcome.stdout} in .venv`)
      : fail('python', `${outcome.stdout}, expected 3.11 or later`, `remove .venv, then ${setup}`);
  const pins = await missingPins(config.projectRoot);
  if (pins === null) return [interpreter, fail('packages', '.venv was left half done', setup)];
  return [
    interpreter,
    pins.missing.length === 0
      ? ok('packages', `${pins.pins} Python packages as pinned`)
      : fail('packages', `not as pinned: ${pins.missing.slice(0, 5).join(', ')}`, setup),
  ];
}

/** Whether dbt loads with its adapter, and its project and profile are in the checkout. */
export async function checkDbt(config: Config): Promise<Finding> {
  const missing = [];
  for (const file of ['dbt_project.yml', 'profiles.yml'])
    if ((await fs.stat(path.join(config.projectRoot, file)).catch(() => null)) === null) missing.push(file);
  if (missing.length > 0)
    return fail('dbt', `${missing.join(', ')} of the checkout is missing`, "get it back: 'git checkout' it");
  const outcome = await execa(
    pythonOf(config.projectRoot),
    [
      '-c',
      'import dbt.version, dbt.adapters.duckdb; print(dbt.version.get_installed_version().to_version_string(skip_matcher=True))',
    ],
    { reject: false, env: { DO_NOT_TRACK: '1' } },
  );
  return outcome.exitCode === 0
    ? ok('dbt', `${outcome.stdout} with dbt-duckdb`)
    : fail('dbt', `does not load: ${outcome.stderr.split('\n').at(-1) ?? ''}`, setup);
}

/** Both sides read and write the same files, so they must be of one version. */
export async function checkDuckdb(config: Config): Promise<Finding> {
  const python = await execa(
    pythonOf(config.projectRoot),
    ['-c', 'import duckdb; print("v" + duckdb.__version__)'],
    { reject: false },
  );
  const { openEngine } = await import('../../lake/index.ts');
  const engine = await openEngine();
  try {
    const [row] = await engine.rows<{ version: string }>('SELECT version() AS version');
    const ours = row?.version ?? 'none';
    const theirs = python.exitCode === 0 ? python.stdout : 'none';
    return ours === theirs
      ? ok('duckdb', `${ours} in Node and in Python`)
      : fail('duckdb', `${ours} in Node, ${theirs} in Python`, `run 'npm ci', then ${setup}`);
  } finally {
    await engine.close();
  }
}

/** The nearest folder above that exists: the one whose file system a new folder will be on. */
async function nearestFolder(folder: string): Promise<string> {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    const found = await fs.stat(at).catch(() => null);
    if (found?.isDirectory() || at === path.dirname(at)) return at;
  }
}

/** Whether a file can be made in a folder, or the folder where it doesn't exist yet. Leaves nothing behind. */
export async function checkWritable(name: string, folder: string): Promise<Finding> {
  const existing = await nearestFolder(folder);
  const file = path.join(existing, `.feedtrial-doctor-${randomUUID()}.tmp`);
  try {
    await fs.writeFile(file, 'x', { flag: 'wx' });
    return ok(name, existing === path.resolve(folder) ? folder : `${folder} (made when it is needed)`);
  } catch (error) {
    const variable = name === 'private lake' ? 'FEEDTRIAL_PRIVATE_LAKE' : `FEEDTRIAL_${name.toUpperCase()}`;
    return fail(
      name,
      `cannot write in ${existing}: ${describeError(error)}`,
      `let this user write there, or set ${variable} to another place`,
    );
  } finally {
    await fs.rm(file, { force: true });
  }
}

export async function checkPlaces(config: Config): Promise<Finding[]> {
  const places: [string, string][] = [
    ['lake', config.lake],
    ['private lake', config.privateLake],
    ['spool', config.spool],
    ['warehouse', path.dirname(config.warehouse)],
  ];
  const local = places.filter(([, place]) => path.isAbsolute(place));
  const findings = await Promise.all(local.map(([name, place]) => checkWritable(name, place)));
  const [lake, privateLake] = [path.resolve(config.lake), path.resolve(config.privateLake)];
  if (`${privateLake}${path.sep}`.startsWith(`${lake}${path.sep}`))
    findings.push(
      fail(
        'private lake',
        `${config.privateLake} is inside the lake, which may be shared`,
        'set FEEDTRIAL_PRIVATE_LAKE to a place outside of FEEDTRIAL_LAKE',
      ),
    );
  return findings;
}

const gigabyte = 1 << 30;

/** Free space where the lake, the spool and the warehouse are. */
export async function checkDisk(config: Config): Promise<Finding[]> {
  const places = [config.lake, config.spool, config.warehouse].filter((place) => path.isAbsolute(place));
  const seen = new Map<string, Finding>();
  for (const place of places) {
    const folder = await nearestFolder(place);
    const { bavail, bsize, blocks } = await fs.statfs(folder);
    const free = bavail * bsize;
    const text = `${(free / gigabyte).toFixed(1)} GB free at ${folder}`;
    const key = `${bavail}/${blocks}`; // one finding a file system
    if (seen.has(key)) continue;
    const fix =
      'free some, or move the lake, the spool and the warehouse: capture stops when the disk is full';
    if (free < gigabyte) seen.set(key, fail('disk', text, fix));
    else seen.set(key, free < 10 * gigabyte ? warn('disk', text, fix) : ok('disk', text));
  }
  return [...seen.values()];
}

const canListen = (host: string, port: number): Promise<string | null> =>
  new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', (error) => resolve(describeError(error)));
    server.listen(port, host, () => server.close(() => resolve(null)));
  });

/** The port is free, or the feed server itself is on it. */
export async function checkPort(config: Config): Promise<Finding> {
  const at = `${config.host}:${config.port}`;
  const problem = await canListen(config.host, config.port);
  if (problem === null) return ok('port', `${at} is free`);
  const server = await probeServer(config.host, config.port);
  if (server.up) return ok('port', `${at}: the feed server is on it`);
  return fail('port', `${at} cannot be used: ${problem}`, 'end what listens there, or set FEEDTRIAL_PORT');
}
