import { InvalidArgumentError } from 'commander';
import { EXIT, FeedtrialError } from '../../errors/index.ts';
import type { Register } from '../command.ts';

const days = (text: string): number => {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('expected a whole number of days from 1');
  return Number(text);
};

export const register: Register = (program, run) => {
  program
    .command('runs')
    .description('what ran, how it ended, and what was killed; with a run id its stages and errors')
    .argument('[run]', 'id of a run')
    .option('--days <n>', 'how far to look back', days, 7)
    .option('--limit <n>', 'how many runs to show', days, 20)
    .action(async (runId: string | undefined, options: { days: number; limit: number }) =>
      run(async ({ config, say, result }) => {
        const { openEngine } = await import('../../../lake/index.ts');
        const { describeRun, describeRuns, readRuns } = await import('../../runs/index.ts');
        const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
        try {
          const sinceUs = (Date.now() - options.days * 86_400_000) * 1000;
          const runs = await readRuns({ config, engine, sinceUs });
          if (runId === undefined) {
            const shown = runs.slice(0, options.limit);
            for (const line of describeRuns(shown)) say(line);
            if (shown.length === 0) say(`nothing ran in the last ${options.days} days`);
            result(shown);
            return EXIT.done;
          }
          const found = runs.find((one) => one.runId === runId);
          if (!found)
            throw new FeedtrialError(
              'FT_RUNS_UNKNOWN',
              `no run '${runId}' in the last ${options.days} days`,
              {
                fix: "take an id from 'feedtrial runs', or look further back with --days",
                exitCode: EXIT.usage,
              },
            );
          for (const line of describeRun(found)) say(line);
          result(found);
          return EXIT.done;
        } finally {
          await engine.close();
        }
      }),
    );
};
