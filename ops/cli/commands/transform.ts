import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  program
    .command('transform')
    .description('build the models up to ranking and publish what labelers should be asked')
    .argument(
      '[selector...]',
      'dbt selectors, such as int_posts__filtered+; without them everything but ranking',
    )
    .option('--full', 'rebuild incremental models from nothing')
    .option(
      '--as-of <time>',
      'build as if it were this moment, such as 2026-07-04T12:00:00Z: ages are counted to it, and what came in or was labelled later is not known; by default now, and with selectors the moment of the last whole build',
    )
    .option(
      '--known-at <time>',
      'what came in or was labelled by this moment is known; with --as-of the same, otherwise all',
    )
    .action(async (select: string[], options: { full?: boolean; asOf?: string; knownAt?: string }) =>
      run(async ({ config, signal, say, result }) => {
        const { momentUs } = await import('../moment.ts');
        const { openDbt } = await import('../../dbt/index.ts');
        const { transform } = await import('../../cycle/index.ts');
        const asOfUs = options.asOf === undefined ? undefined : momentUs(options.asOf);
        const knownAt = options.knownAt ?? options.asOf;
        const dbt = await openDbt(config);
        try {
          const summary = await transform({
            config,
            dbt,
            select,
            full: options.full ?? false,
            ...(asOfUs === undefined ? {} : { asOfUs }),
            ...(knownAt === undefined ? {} : { knownAtUs: momentUs(knownAt) }),
            signal,
          });
          say(
            `${summary.nodes} nodes built and tested${summary.published ? `; queue ${summary.publishId} is in force` : ''}`,
          );
          result(summary);
          return EXIT.done;
        } finally {
          await dbt.close();
        }
      }),
    );
};
