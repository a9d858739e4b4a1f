import { readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../config/config.ts';
import { described, filesBelow } from './described.ts';

interface UnitTest {
  name: string;
  model: string;
  description?: string;
}

const cell = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').trim();
const sentence = (name: string): string => name.replaceAll('_', ' ');

/** A row per unit test of a folder of models: the model, the rule, and where it is pinned. */
function unitTests(): string[] {
  return filesBelow('models', '.yml').flatMap((file) => {
    const content = described(file) as {
      unit_tests?: UnitTest[];
    } | null;
    return (content?.unit_tests ?? []).map(
      ({ name, model, description }) =>
        `| \`${model}\` | ${cell(sentence(name))}${description === undefined ? '' : `: ${cell(description)}`} | \`${name}\` in \`${file}\` |`,
    );
  });
}

/** A row per singular test: what its first comment says. */
function singularTests(): string[] {
  return filesBelow('tests/sql', '.sql')
    .filter((file) => !file.includes('/generic/'))
    .map((file) => {
      const comment: string[] = [];
      for (const line of readFileSync(path.join(projectRoot, file), 'utf8').split('\n')) {
        if (line.startsWith('-- ')) comment.push(line.slice(3));
        else if (comment.length > 0) break;
      }
      const name = path.basename(file, '.sql');
      return `| ${cell(sentence(name))}${comment.length > 0 ? `: ${cell(comment.join(' '))}` : ''} | \`${file}\` |`;
    });
}

/** Every rule with its test, from the models' YAML and tests/sql. */
export function rulesPage(): string {
  return [
    '# Every rule of the models, and the test that pins it',
    '',
    "<!-- made by `npm run docs` from the models' YAML and tests/sql; edit those -->",
    '',
    'Unit tests run a model on rows that were written by hand and compare every row that comes out. They run with the suite:',
    '`.venv/bin/dbt test --select test_type:unit`, or one by its name.',
    '',
    '| model | rule | pinned by |',
    '|---|---|---|',
    ...unitTests(),
    '',
    'Singular tests run in every build on what was built. Each is a query whose rows are what is wrong: a build that fails names the',
    'compiled file, and running it shows the rows.',
    '',
    '| rule | query |',
    '|---|---|',
    ...singularTests(),
    '',
  ].join('\n');
}
