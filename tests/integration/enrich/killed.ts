import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../../../ops/config/config.ts';

const node24 = path.join(projectRoot, 'node_modules/node/bin/node');

/** `feedtrial enrich …` in a process of its own, to be killed. */
export const startEnrich = (args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess =>
  spawn(
    node24,
    [
      '--disable-warning=ExperimentalWarning',
      path.join(projectRoot, 'ops/cli/main.ts'),
      '--json',
      'enrich',
      ...args,
    ],
    { env, stdio: 'ignore' },
  );

/** Posts whose labels are durable in a journal: whole lines, read independently of the code that writes them. */
export function finishedIn(spool: string, stream: string): string[] {
  const folder = path.join(spool, 'labels', stream);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.open') || name.endsWith('.ndjson'))
    .flatMap((name) => {
      let content: string;
      try {
        content = readFileSync(path.join(folder, name), 'utf8');
      } catch {
        return []; // it has just become Parquet
      }
      return content
        .slice(0, content.lastIndexOf('\n') + 1)
        .split('\n')
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as { uri: string }).uri);
    });
}
