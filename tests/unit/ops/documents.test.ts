import { existsSync, globSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { environmentVariables, loadConfig, projectRoot } from '../../../ops/config/config.ts';
import { parseSeed } from '../../../ops/alerts/seed.ts';
import { commands } from '../../../ops/cli/commands/index.ts';
import { madePages } from '../../../ops/docs/pages.ts';

const read = (file: string) => readFileSync(path.join(projectRoot, file), 'utf8');

describe('.env.example', () => {
  const lines = [...read('.env.example').matchAll(/^# ([A-Z][A-Z0-9_]+)=(.*)$/gm)];

  test('lists every setting, and no other, each with its default', () => {
    const written = Object.fromEntries(lines.map(([, name = '', value = '']) => [name, value]));
    const known = Object.fromEntries(environmentVariables().map((v) => [v.name, v.default ?? '']));
    expect(written).toEqual(known);
  });

  test('is a valid configuration when every line is taken in', () => {
    const env = Object.fromEntries(lines.map(([, name = '', value = '']) => [name, value]));
    expect(loadConfig(env, '/srv')).toEqual(loadConfig({}, '/srv'));
  });
});

describe('docs/dependencies.md', () => {
  const listed = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);

  test('has one line for each dependency, and none for what is no longer one', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
      'dependencies' | 'devDependencies',
      Record<string, string>
    >;
    const python = [
      'requirements/dbt.in',
      'requirements/models.in',
      'requirements/optional/engines.in',
    ].flatMap((file) =>
      read(file)
        .split('\n')
        .filter((line) => /^[a-z]/i.test(line))
        .map((line) => line.split('==')[0]),
    );
    expect(listed.toSorted()).toEqual(
      [...Object.keys(dependencies), ...Object.keys(devDependencies), ...python].toSorted(),
    );
  });
});

describe('lock files', () => {
  test('name packages and hashes, never a host that a machine gets them from', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved": "https?:/);
    for (const file of globSync('requirements/**/*.{in,txt}', { cwd: projectRoot }))
      expect(read(file)).not.toMatch(/https?:\/\/|--(extra-)?index-url|--find-links/);
  });

  test('pin both sides to one version of DuckDB', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    const [, version] = /^duckdb==([\d.]+)/m.exec(read('requirements/dbt.txt')) ?? [];
    expect(dependencies['@duckdb/node-api']?.split('-')[0]).toBe(version);
  });
});

test.each(madePages)('$file is what the code says', ({ file, page }) => {
  expect(readFileSync(file, 'utf8') === page(), "it is out of date: run 'npm run docs'").toBe(true);
});

describe('the README', () => {
  const readme = read('README.md');
  const program = new Command();
  for (const register of commands) register(program, async () => undefined);
  const usages = (command: Command, before: string): string[] => {
    const name = `${before}${command.name()}`;
    return command.commands.length > 0
      ? command.commands.flatMap((inner) => usages(inner, `${name} `))
      : [name];
  };

  test('has a line in its reference for every command, and for no other', () => {
    const [, reference = ''] = readme.split(/^## Commands$/m);
    const listed = [...reference.matchAll(/^\| `([a-z -]+?)(?: [[<A-Z-].*?)?` \|/gm)].map(([, name]) => name);
    expect(listed.toSorted()).toEqual(program.commands.flatMap((command) => usages(command, '')).toSorted());
  });

  test('names an option only where the command has it', () => {
    for (const command of program.commands.flatMap((c) => (c.commands.length > 0 ? c.commands : [c]))) {
      const line = readme
        .split('\n')
        .find((text) => new RegExp(`^\\| \`([a-z]+ )?${command.name()}[ \`]`).test(text));
      const options = command.options.map((option) => option.long);
      for (const [option] of (line?.split('|')[1] ?? '').matchAll(/--[a-z-]+/g))
        expect(options, command.name()).toContain(option);
    }
  });

  test('links only to files that are there', () => {
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)].map(([, file = '']) => file);
    expect(links.length).toBeGreaterThan(0);
    for (const file of links) expect(existsSync(path.join(projectRoot, file)), file).toBe(true);
  });
});

test('no model reads a var of dbt itself: one that changes every run would be parsed for anew in every cycle', () => {
  const readers = ['models', 'macros', 'tests/sql'].flatMap((folder) =>
    readdirSync(path.join(projectRoot, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.sql') && /(?<![\w])var\(\s*['"]/.test(read(`${folder}/${file}`)))
      .map((file) => `${folder}/${file}`),
  );
  expect(readers).toEqual([]);
});

test('a macro that differs between engines says what DuckDB does and what the others do, and no model asks which engine it is', () => {
  const sql = (folder: string): string[] =>
    globSync(`${folder}/**/*.sql`, { cwd: projectRoot }).map((file) => read(file));
  const macros = sql('macros').join('\n');
  const dispatched = [...macros.matchAll(/adapter\.dispatch\('(\w+)'/g)].map(([, name = '']) => name);
  expect(dispatched.length).toBeGreaterThan(20);
  const missing = dispatched.flatMap((name) =>
    [`duckdb__${name}`, `default__${name}`].filter((one) => !macros.includes(`macro ${one}(`)),
  );
  expect(missing).toEqual([]);
  expect(sql('models').filter((text) => text.includes('target.type'))).toEqual([]);
});

describe('pages', () => {
  const isThere = (file: string) => existsSync(path.join(projectRoot, file));

  test('of the runbook: one for each alert rule, with how to look, what to do and when it is over; and no other', () => {
    const rules = parseSeed(read('seeds/alert_rules.csv')).map((row) => row.rule);
    const pages = readdirSync(path.join(projectRoot, 'docs/runbook'));
    expect(pages.toSorted()).toEqual(rules.map((rule) => `${rule}.md`).toSorted());
    for (const page of pages) {
      const text = read(`docs/runbook/${page}`);
      expect(text.split('\n')[0]).toBe(`# ${path.basename(page, '.md')}`);
      expect([...text.matchAll(/^## (.+)$/gm)].map(([, name]) => name)).toEqual(['Look', 'Do', 'Over']);
    }
  });

  test('and deploy files that the code, SQL, seeds and units name are there', () => {
    const sources = globSync(
      [
        '{enrich,extract,lake,macros,models,ops,seeds,serve,study}/**/*.{ts,py,sql,yml,csv,cron,sbatch,service,timer}',
        '*.md',
        '.env.example',
      ],
      { cwd: projectRoot },
    );
    expect(sources.length).toBeGreaterThan(200);
    const missing = sources.flatMap((file) =>
      [...read(file).matchAll(/\b(?:docs\/[\w./-]+\.md|ops\/deploy\/[\w./-]*\w)/g)]
        .map(([named]) => named)
        // a name for the shape of names
        .filter((named) => named !== 'docs/adr/NNNN-title.md' && !isThere(named))
        .map((named) => `${file}: ${named}`),
    );
    expect(missing).toEqual([]);
  });

  test('link only to files that are there, and name only commands that there are', () => {
    const program = new Command();
    for (const register of commands) register(program, async () => undefined);
    const names = program.commands.map((command) => command.name());
    for (const file of globSync('docs/**/*.md', { cwd: projectRoot })) {
      const text = read(file);
      for (const [, link = ''] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g))
        expect(isThere(path.join(path.dirname(file), link)), `${file}: ${link}`).toBe(true);
      if (!/^docs\/(runbook\/|operate|object-storage|when-)/.test(file)) continue;
      for (const [, name = ''] of text.matchAll(/(?:^ +|`|&& )feedtrial ([a-z]+)/gm))
        expect(names, file).toContain(name);
    }
  });
});
