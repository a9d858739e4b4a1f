import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  program
    .command('rank')
    .description('rank a feed for every participant, check them, and publish them as a generation')
    .option(
      '--as-of <time>',
      'rank as if it were this moment, such as 2026-07-04T12:00:00Z, for which the models were built (transform --as-of): what came in ' +
        'or was labelled later is not known; now by default',
    )
    .option(
      '--known-at <time>',
      'what came in or was labelled by this moment is known; with --as-of the same, otherwise all',
    )
    .option('--generation <name>', 'name of the generation; by default the time')
    .option('--seed <text>', "what the shuffle's chance comes from; by default the study's name")
    .action(async (options: { asOf?: string; knownAt?: string; generation?: string; seed?: string }) =>
      run(async ({ config, signal, say, result }) => {
        const { momentUs } = await import('../moment.ts');
        const asOfUs = options.asOf === undefined ? undefined : momentUs(options.asOf);
        const knownAt = options.knownAt ?? options.asOf;
        const { openDbt } = await import('../../dbt/index.ts');
        const { rank } = await import('../../cycle/index.ts');
        const dbt = await openDbt(config);
        try {
          const summary = await rank({
            config,
            dbt,
            signal,
            ...(asOfUs === undefined ? {} : { asOfUs }),
            ...(knownAt === undefined ? {} : { knownAtUs: momentUs(knownAt) }),
            ...(options.generation === undefined ? {} : { generation: options.generation }),
            ...(options.seed === undefined ? {} : { randomSeed: options.seed }),
          });
          say(
            `generation ${summary.generation} is in force: ${summary.feeds} feeds, ${summary.positions} positions, ` +
              `${summary.posts} posts, ranked as of ${new Date(summary.asOfUs / 1000).toISOString()} in ${summary.seconds.toFixed(1)} s`,
          );
          const { record, state } = summary.promise;
          if (record !== null)
            say(
              `  study ${state} ${new Date(record.frozen_us / 1000).toISOString()}${state === 'as amended' ? ` (${record.number}: ${record.reason})` : ''}: ${record.sha256}`,
            );
          for (const one of summary.arms)
            say(
              `  ${one.arm}: ${one.policy} ${one.policy_version}, ${one.feeds} feeds, shortest ${one.shortest} posts`,
            );
          result(summary);
          return EXIT.done;
        } finally {
          await dbt.close();
        }
      }),
    );
};
