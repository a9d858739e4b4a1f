import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../../ops/config/config.ts';
import { temporaryFolder } from '../../folders.ts';

const node = path.join(projectRoot, 'node_modules/.bin/node');
const main = path.join(projectRoot, 'ops/cli/main.ts');
const capture = (...args: string[]) =>
  spawnSync(node, [main, ...args], { encoding: 'utf8', cwd: temporaryFolder(), timeout: 60_000 });

describe('feedtrial capture', () => {
  it('explains itself', () => {
    const help = execFileSync(node, [main, 'capture', '--help'], { encoding: 'utf8' });
    for (const option of [
      '--source',
      '--url',
      '--plc-url',
      '--collections',
      '--max-events',
      '--idle-exit',
      '--decoder',
    ])
      expect(help).toContain(option);
  });

  it.each([
    [['capture'], 'required option'],
    [['capture', '--source', 'carrier-pigeon'], 'carrier-pigeon'],
    [['capture', '--source', 'firehose', '--max-events', '0'], 'whole number'],
    [['capture', '--source', 'firehose', '--idle-exit', 'soon'], 'seconds'],
    [['capture', '--source', 'firehose', '--url', 'gopher://relay'], 'FT_CAPTURE_URL'],
    [['capture', '--source', 'jetstream', '--collections', 'posts'], 'FT_CAPTURE_OPTION'],
  ])('refuses %j as wrong use', (args, said) => {
    const { status, stderr } = capture(...args);
    expect(stderr).toContain(said);
    expect(status).toBe(2);
  });
});
