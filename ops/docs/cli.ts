import type { EventEmitter } from 'node:events';
import { Command, type Option } from 'commander';
import { commands } from '../cli/commands/index.ts';
import { globalOptions } from '../cli/global-options.ts';

const cell = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').trim();

function optionRow(option: Option): string {
  const notes = [
    option.mandatory ? 'needed' : null,
    option.argChoices === undefined
      ? null
      : `one of ${option.argChoices.map((one) => `\`${one}\``).join(', ')}`,
    option.defaultValue === undefined || Array.isArray(option.defaultValue)
      ? null
      : `default: \`${JSON.stringify(option.defaultValue)}\``,
  ].filter((note) => note !== null);
  return `| \`${cell(option.flags)}\` | ${cell(option.description)}${notes.length > 0 ? ` (${notes.join('; ')})` : ''} |`;
}

/** What `addHelpText('after', …)` adds: commander keeps it as a listener of its own. */
function helpAfter(command: Command): string {
  let text = '';
  (command as unknown as EventEmitter).emit('afterHelp', {
    error: false,
    command,
    write: (more: string) => (text += more),
  });
  return text.trim();
}

function describeCommand(command: Command, before: string): string[] {
  const name = `${before}${command.name()}`;
  if (command.commands.length > 0)
    return command.commands.flatMap((inner) => describeCommand(inner, `${name} `));
  const args = command.registeredArguments.map((arg) => {
    const inner = `${arg.name()}${arg.variadic ? '...' : ''}`;
    return arg.required ? `<${inner}>` : `[${inner}]`;
  });
  const after = helpAfter(command);
  const rows = [
    ...command.registeredArguments.map((arg, i) => `| \`${args[i] ?? ''}\` | ${cell(arg.description)} |`),
    ...command.options.map(optionRow),
  ];
  return [
    `## ${name}`,
    '',
    `    feedtrial ${[name, ...args].join(' ')}${command.options.length > 0 ? ' [options]' : ''}`,
    '',
    `${command.description().replace(/^./, (letter) => letter.toUpperCase())}${/[.!?]$/.test(command.description()) ? '' : '.'}`,
    '',
    ...(rows.length > 0 ? ['| argument or option | |', '|---|---|', ...rows, ''] : []),
    ...(after === '' ? [] : [after, '']),
  ];
}

/** The reference of the command line, from what commander is told. */
export function cliPage(): string {
  const program = new Command('feedtrial');
  for (const register of commands) register(program, async () => undefined);
  return [
    '# Commands',
    '',
    '<!-- made by `npm run docs` from ops/cli/commands; edit those -->',
    '',
    'Written as `npm run -s feedtrial -- COMMAND` in a checkout, or `feedtrial COMMAND` after `npm link`. Exit codes: 0 done, 1 failed,',
    '2 wrong usage or configuration, 3 done in part, 4 a guardrail refused to publish. Every command takes:',
    '',
    '| option | |',
    '|---|---|',
    ...globalOptions.map(optionRow),
    '',
    ...program.commands
      .toSorted((a, b) => (a.name() < b.name() ? -1 : 1))
      .flatMap((command) => describeCommand(command, '')),
  ].join('\n');
}
