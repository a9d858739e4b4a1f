import { readFileSync } from 'node:fs';
import path from 'node:path';
import { environmentVariables, projectRoot } from '../config/config.ts';

const cell = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').trim();

interface Section {
  title: string;
  /** Variable -> what .env.example says of it. */
  settings: Map<string, string>;
}

/** Sections of .env.example, with the comment that stands before each setting; a setting without one shares the one before. */
function readSections(): Section[] {
  const sections: Section[] = [];
  let comment: string[] = [];
  for (const line of readFileSync(path.join(projectRoot, '.env.example'), 'utf8').split('\n')) {
    const [, title] = /^# --- (.+?) -+$/.exec(line) ?? [];
    const [, name] = /^# ([A-Z][A-Z0-9_]+)=/.exec(line) ?? [];
    if (title !== undefined) {
      sections.push({ title, settings: new Map() });
      comment = [];
    } else if (name !== undefined) {
      const { settings } = sections.at(-1) ?? { settings: new Map<string, string>() };
      settings.set(name, comment.join(' ') || ([...settings.values()].at(-1) ?? ''));
      comment = [];
    } else if (line.startsWith('# ')) comment.push(line.slice(2));
    else comment = [];
  }
  return sections;
}

/** The reference of the settings, from their schema and from .env.example. */
export function configurationPage(): string {
  const variables = new Map(environmentVariables().map((one) => [one.name, one]));
  const sections = readSections().map(({ title, settings }) => [
    `## ${title}`,
    '',
    '| variable | default | takes | what it does |',
    '|---|---|---|---|',
    ...[...settings].map(([name, comment]) => {
      const { default: value, takes } = variables.get(name) ?? { default: undefined, takes: '' };
      return `| \`${name}\` | ${value === undefined || value === '' ? '' : `\`${value}\``} | ${cell(takes)} | ${cell(comment)} |`;
    }),
    '',
  ]);
  return [
    '# Settings',
    '',
    '<!-- made by `npm run docs` from ops/config/config.ts and .env.example; edit those -->',
    '',
    'Settings are environment variables, or lines of `.env` in the working folder, or of the file that `--env` names; the environment wins.',
    'They are checked when a command starts: a wrong one ends it with exit code 2 and says what was expected. An empty value counts as unset.',
    "Relative paths start at the working folder. AWS's own variables (`AWS_REGION`, `AWS_PROFILE`, …) and OpenTelemetry's work as they always do.",
    '',
    ...sections.flat(),
  ].join('\n');
}
