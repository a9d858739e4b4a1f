import { InvalidArgumentError } from 'commander';
import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

const days = (text: string): number => {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('expected a whole number of days from 1');
  return Number(text);
};

export const register: Register = (program, run) => {
  program
    .command('dashboard')
    .description(
      'write the study as one page: ingestion and gaps, labels, what each arm shows, exposure, health',
    )
    .option('--out <folder>', 'where to write index.html', 'dashboard')
    .option('--days <n>', 'how far back plots go', days, 30)
    .option('--unblinded', 'show arms by their names; they are letters otherwise')
    .addHelpText(
      'after',
      `
The page is one file that asks nothing of anybody: open it, mail it, or let any web server hand it out behind a password. It
shows the last observation ('feedtrial observe'; every cycle ends with one).`,
    )
    .action(async (options: { out: string; days: number; unblinded?: true }) =>
      run(async ({ config, say, result }) => {
        const { writeDashboard } = await import('../../dashboard/index.ts');
        const { out, unblinded = false } = options;
        const written = await writeDashboard({ config, out, days: options.days, unblinded });
        say(
          `${written.file} (${(written.bytes / 1024).toFixed(0)} KB), as of ${new Date(written.observedUs / 1000).toISOString()}`,
        );
        result(written);
        return EXIT.done;
      }),
    );
};
