import { Option } from 'commander';

/** Options of every command. */
export const globalOptions = [
  new Option('--json', 'print the result as one JSON document on stdout'),
  // called --env because Node itself reacts to --env-file wherever it stands
  new Option(
    '--env <file>',
    'read settings from this file; by default .env of the working folder, if there is one',
  ),
];
