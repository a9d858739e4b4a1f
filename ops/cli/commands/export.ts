import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  program
    .command('export')
    .description(
      'build the exports and bring what is new or has changed to a place as partitioned Parquet, by version of its schema, ' +
        'under pseudonyms of FEEDTRIAL_EXPORT_KEY; run it again after it broke off and it goes on',
    )
    .argument('[model...]', 'names of exports, such as export_participant_days; all of them by default')
    .option('--to <place>', 'a folder, or s3://bucket/prefix, that gets exports/; the lake by default')
    .action(async (models: string[], options: { to?: string }) =>
      run(async ({ config, signal, say, result }) => {
        const { openDbt } = await import('../../dbt/index.ts');
        const { exportModels } = await import('../../export/index.ts');
        const dbt = await openDbt(config);
        try {
          const summary = await exportModels({
            config,
            dbt,
            models,
            signal,
            ...(options.to === undefined ? {} : { to: options.to }),
          });
          for (const one of summary.models)
            say(
              `${one.model} v${one.version}: ${one.rows} rows in ${one.partitions} files; ${one.written} written, ${one.kept} as they were, ${one.removed} removed`,
            );
          if (summary.stopped) say('stopped before the end: run it again to go on');
          result(summary);
          return summary.stopped ? EXIT.partial : EXIT.done;
        } finally {
          await dbt.close();
        }
      }),
    );
};
