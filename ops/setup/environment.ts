import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { createProgress } from '../progress/index.ts';
import { setupErrors } from './errors.ts';
import { withLock } from './lock.ts';
import { findPython } from './python.ts';

/** Raise it when what setup does to `.venv` changes although no requirement does. */
const setupVersion = 1;

export interface PythonEnvironmentOptions {
  /** The checkout: `.venv` is made in it from `requirements/*.txt`. */
  root: string;
  pythons?: readonly string[];
  now?: () => number;
}

export interface PythonEnvironment {
  /** 'ready' if there was nothing to do, 'adopted' if all was there but unmarked, 'installed' otherwise. */
  state: 'ready' | 'adopted' | 'installed';
  seconds: number;
}

interface Places {
  folder: string;
  python: string;
  /** Written last, holds the hash of what was installed: without it, nothing counts as installed. */
  stamp: string;
  /** There while pip runs: a folder that has it was left half done, and is made anew. */
  unfinished: string;
  lock: string;
}

const placesIn = (root: string): Places => {
  const folder = path.join(root, '.venv');
  return {
    folder,
    python: path.join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python'),
    stamp: path.join(folder, 'feedtrial-requirements.sha256'),
    unfinished: path.join(folder, 'feedtrial-unfinished'),
    lock: path.join(root, 'node_modules', '.feedtrial-setup.lock'),
  };
};

/** Requirement files in a fixed order, absolute. */
const requirementFiles = (root: string): string[] =>
  readdirSync(path.join(root, 'requirements'))
    .filter((name) => name.endsWith('.txt'))
    .sort()
    .map((name) => path.join(root, 'requirements', name));

const hashOf = (files: string[]): string => {
  const hash = createHash('sha256').update(`setup ${setupVersion}\n`);
  for (const file of files) hash.update(`${path.basename(file)}\n`).update(readFileSync(file));
  return hash.digest('hex');
};

/** What an environment lacks of the pins that apply to this machine. */
export interface MissingPins {
  /** Such as 'duckdb==1.5.5 (found 1.5.4)'. */
  missing: string[];
  pins: number;
}

/**
 * Compares an environment with the requirement files.
 * @returns null where its Python doesn't run
 */
export async function missingPins(root: string): Promise<MissingPins | null> {
  const { python, unfinished } = placesIn(root);
  if (!existsSync(python) || existsSync(unfinished)) return null;
  const outcome = await execa(
    python,
    [path.join(import.meta.dirname, 'missing_pins.py'), ...requirementFiles(root)],
    { reject: false, lines: true },
  );
  if (outcome.exitCode !== 0) return null;
  return { missing: outcome.stdout.slice(0, -1), pins: Number(outcome.stdout.at(-1)) };
}

const lastLines = (text: string, count: number) => text.trimEnd().split('\n').slice(-count).join('\n');

async function install(places: Places, files: string[], options: PythonEnvironmentOptions): Promise<void> {
  const python = await findPython(options.pythons);
  const progress = createProgress({ label: 'setup:' });
  progress.note(`making .venv with Python ${python.version}`);
  // what a setup that was killed had started may be writing there for a moment yet
  rmSync(places.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  const made = await execa(python.command, ['-m', 'venv', places.folder], { reject: false, all: true });
  if (made.exitCode !== 0) throw setupErrors.environment(lastLines(made.all, 10));
  const total = (await missingPins(options.root))?.pins ?? 0;
  writeFileSync(places.unfinished, '');
  const pip = execa(
    places.python,
    [
      ...['-m', 'pip', 'install', '--no-deps', '--require-hashes', '--no-input'],
      ...['--disable-pip-version-check', '--progress-bar', 'off'],
      ...files.flatMap((file) => ['-r', file]),
    ],
    { reject: false, all: true, lines: true, env: { PIP_NO_COLOR: '1' } },
  );
  let collected = 0;
  for await (const line of pip) {
    if (/^Collecting |^Processing /.test(line)) {
      collected++;
      progress.note(`${collected} of ${total} Python packages: ${line.split(' ')[1] ?? ''}`);
    } else if (line.startsWith('Installing collected packages')) {
      progress.note(`writing ${total} Python packages`);
    }
  }
  const outcome = await pip;
  if (outcome.exitCode !== 0) throw setupErrors.install(lastLines(outcome.all.join('\n'), 10));
  rmSync(places.unfinished);
  progress.done(`${total} Python packages are in .venv`);
}

/**
 * Makes `.venv` hold exactly the pinned packages. A second call costs one hash of the requirement files; a call that was
 * killed leaves a mark and is started anew by the next; calls at the same time wait for one another.
 * @throws FeedtrialError FT_SETUP_PYTHON, FT_SETUP_VENV, FT_SETUP_PIP
 */
export async function preparePython(options: PythonEnvironmentOptions): Promise<PythonEnvironment> {
  const { root, now = Date.now } = options;
  const startedMs = now();
  const places = placesIn(root);
  const files = requirementFiles(root);
  const wanted = hashOf(files);
  const isReady = (): boolean =>
    existsSync(places.python) &&
    existsSync(places.stamp) &&
    readFileSync(places.stamp, 'utf8').trim() === wanted;
  const outcome = (state: PythonEnvironment['state']): PythonEnvironment => ({
    state,
    seconds: (now() - startedMs) / 1000,
  });
  if (isReady()) return outcome('ready');
  let said = false;
  const onWait = (pid: number): void => {
    if (!said) process.stderr.write(`setup: process ${pid} is at it already; waiting for it\n`);
    said = true;
  };
  return withLock(places.lock, onWait, async () => {
    if (isReady()) return outcome('ready');
    const found = await missingPins(root);
    const adopted = found !== null && found.missing.length === 0;
    if (!adopted) await install(places, files, options);
    writeFileSync(places.stamp, `${wanted}\n`);
    return outcome(adopted ? 'adopted' : 'installed');
  });
}
