import { existsSync } from 'node:fs';
import path from 'node:path';
import { EXIT, FeedtrialError } from '../errors/index.ts';

/** Settings of a file fill what the environment leaves unset: a variable that is set wins. */
export function loadEnvFile(given: string | undefined): void {
  const file = path.resolve(given ?? '.env');
  if (existsSync(file)) process.loadEnvFile(file);
  else if (given !== undefined)
    throw new FeedtrialError('FT_CLI_ENV_FILE', `there is no file ${file}`, {
      fix: 'copy .env.example to it, or leave --env out',
      exitCode: EXIT.usage,
    });
}
