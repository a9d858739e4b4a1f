import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  program
    .command('observe')
    .description(
      'look at the pipeline as a whole: what was killed, disks, server, completeness, alerts; a cycle ends with it',
    )
    .action(async () =>
      run(async ({ config, signal, say, result }) => {
        const { openDbt } = await import('../../dbt/index.ts');
        const { observe } = await import('../../observe/index.ts');
        const dbt = await openDbt(config);
        try {
          const summary = await observe({ config, dbt, signal });
          for (const { runId, stage } of summary.buried) say(`${stage} of run ${runId} was killed`);
          say(
            summary.alerts === 0
              ? 'no alert fires'
              : `${summary.alerts} ${summary.alerts === 1 ? 'alert fires' : 'alerts fire'}: 'feedtrial alerts'`,
          );
          result(summary);
          return EXIT.done;
        } finally {
          await dbt.close();
        }
      }),
    );
};
