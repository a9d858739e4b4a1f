import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { projectRoot } from '../../../ops/config/config.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { missingPins, preparePython } from '../../../ops/setup/environment.ts';
import { findPython } from '../../../ops/setup/python.ts';
import { temporaryFolder } from '../../folders.ts';

silenceProgress();

const buildWheel = `
import sys, zipfile
info = 'miniature-1.0.dist-info'
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    wheel.writestr('miniature.py', 'answer = 42')
    wheel.writestr(f'{info}/METADATA', 'Metadata-Version: 2.1\\nName: miniature\\nVersion: 1.0\\n')
    wheel.writestr(f'{info}/WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(f'{info}/RECORD', f'miniature.py,,\\n{info}/METADATA,,\\n{info}/WHEEL,,\\n{info}/RECORD,,\\n')
`;

/** A checkout whose only requirement is a package of one line, found beside it: nothing is fetched. */
async function checkout(): Promise<string> {
  const root = temporaryFolder();
  mkdirSync(path.join(root, 'requirements'));
  mkdirSync(path.join(root, 'node_modules'));
  const wheel = path.join(root, 'miniature-1.0-py3-none-any.whl');
  await execa((await findPython()).command, ['-c', buildWheel, wheel]);
  const sha256 = createHash('sha256').update(readFileSync(wheel)).digest('hex');
  writeFileSync(
    path.join(root, 'requirements', 'one.txt'),
    `--no-index\n--find-links ${root}\nminiature==1.0 \\\n    --hash=sha256:${sha256}\nabsent==9 ; sys_platform == 'nowhere' \\\n    --hash=sha256:${'0'.repeat(64)}\n`,
  );
  return root;
}

const python = (root: string) => path.join(root, '.venv/bin/python');
const stamp = (root: string) => path.join(root, '.venv/feedtrial-requirements.sha256');

describe('setup', () => {
  test('installs what is pinned for this machine, and has nothing to do the second time', async () => {
    const root = await checkout();
    expect((await preparePython({ root })).state).toBe('installed');
    expect((await execa(python(root), ['-c', 'import miniature; print(miniature.answer)'])).stdout).toBe(
      '42',
    );
    expect(await missingPins(root)).toEqual({ missing: [], pins: 1 });
    const again = await preparePython({ root, pythons: ['no-python-is-looked-for'] });
    expect(again.state).toBe('ready');
  });

  test('adopts an environment that has every pin, and replaces one that lacks some or was left half done', async () => {
    const root = await checkout();
    await preparePython({ root });
    rmSync(stamp(root));
    expect((await preparePython({ root })).state).toBe('adopted');

    rmSync(stamp(root));
    writeFileSync(path.join(root, '.venv/feedtrial-unfinished'), '');
    expect((await preparePython({ root })).state).toBe('installed');

    await execa(python(root), ['-m', 'pip', 'uninstall', '-y', '-q', 'miniature']);
    rmSync(stamp(root));
    expect(await missingPins(root)).toEqual({ missing: ['miniature==1.0 (found none)'], pins: 1 });
    expect((await preparePython({ root })).state).toBe('installed');
  });

  test('begins anew after a kill, and two at once make one environment', async () => {
    const root = await checkout();
    const script = `
      import { preparePython } from ${JSON.stringify(path.join(projectRoot, 'ops/setup/environment.ts'))};
      console.log((await preparePython({ root: process.argv[1] })).state);`;
    const start = () => {
      // what kills it takes the Python along that it started, which would write on beside the next one's
      const options = { reject: false, detached: true } as const;
      const child = execa(process.execPath, ['--input-type=module', '-e', script, root], options);
      let hasEnded = false;
      void child.then(() => (hasEnded = true));
      const kill = async (): Promise<void> => {
        if (!hasEnded && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        await child;
      };
      onTestFinished(kill);
      return { child, kill };
    };
    const killed = start();
    await expect.poll(() => existsSync(python(root)), { timeout: 60_000, interval: 20 }).toBe(true);
    await killed.kill();
    expect(existsSync(stamp(root))).toBe(false);
    const states = (await Promise.all([start().child, start().child])).map((outcome) => outcome.stdout);
    expect(states.toSorted()).toEqual(['installed', 'ready']);
    expect(existsSync(path.join(root, 'node_modules/.feedtrial-setup.lock'))).toBe(false);
  });

  test('refuses a package whose hash is not the pinned one, and says so', async () => {
    const root = await checkout();
    const file = path.join(root, 'requirements/one.txt');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace(/sha256:[0-9a-f]{64}/, `sha256:${'1'.repeat(64)}`),
    );
    await expect(preparePython({ root })).rejects.toMatchObject({
      code: 'FT_SETUP_PIP',
      message: expect.stringContaining('HASHES') as string,
    });
    expect(existsSync(stamp(root))).toBe(false);
  });

  test('says what each Python lacks where none will do', async () => {
    const root = temporaryFolder();
    const old = path.join(root, 'old-python');
    writeFileSync(old, '#!/bin/sh\necho "is Python 3.9.2" >&2; exit 1\n', { mode: 0o755 });
    await expect(findPython(['no-such-python', old])).rejects.toMatchObject({
      code: 'FT_SETUP_PYTHON',
      message: expect.stringMatching(/no-such-python: not found\n.*old-python: is Python 3\.9\.2/) as string,
      fix: expect.stringContaining('apt install') as string,
    });
  });
});
