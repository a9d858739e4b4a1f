import { execa } from 'execa';
import { setupErrors } from './errors.ts';

/** A Python that can make virtual environments. */
export interface Python {
  command: string;
  /** Such as '3.11.7'. */
  version: string;
}

/** Newest first among those that the pinned packages have wheels for; then whatever the system calls its own. */
const candidates = ['python3.13', 'python3.12', 'python3.11', 'python3', 'python'];

/** Prints the version if it is new enough and can make environments; otherwise says what it lacks. */
const probe = [
  'import sys',
  "v = '.'.join(map(str, sys.version_info[:3]))",
  "sys.exit(f'is Python {v}') if sys.version_info < (3, 11) else None",
  'try:',
  '    import venv, ensurepip',
  'except ImportError as e:',
  "    sys.exit(f'is Python {v} without {e.name}')",
  'print(v)',
].join('\n');

/**
 * Finds a Python by running each candidate: a name on the path alone proves nothing (pyenv leaves names behind).
 * @throws FeedtrialError FT_SETUP_PYTHON listing what each candidate lacked
 */
export async function findPython(commands: readonly string[] = candidates): Promise<Python> {
  const tried: string[] = [];
  for (const command of commands) {
    const outcome = await execa(command, ['-c', probe], { reject: false, timeout: 30_000 });
    if (outcome.exitCode === 0) return { command, version: outcome.stdout.trim() };
    const lacks =
      outcome.exitCode === undefined ? 'not found' : (outcome.stderr.trim().split('\n').at(-1) ?? '');
    tried.push(`${command}: ${lacks}`);
  }
  throw setupErrors.python(tried);
}
