import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '../../../ops/config/config.ts';

const read = (file: string): string => readFileSync(path.join(projectRoot, file), 'utf8');
const rows = [...read('docs/capture.md').matchAll(/`(tests\/[^`]+\.test\.ts)`: (.+) \|$/gm)];

it('docs/capture.md has a test for every row', () => {
  const lines = read('docs/capture.md')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| what happens'));
  expect(rows).toHaveLength(lines.length);
  expect(rows.length).toBeGreaterThan(30);
});

it.each(rows.map(([, file = '', title = '']) => [file, title]))('%s: %s', (file, title) => {
  expect(read(file)).toContain(title);
});
