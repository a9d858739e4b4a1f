import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  program
    .command('freshness')
    .description('ask dbt how old each source of the models is; exits 3 where one is older than its bound')
    .action(async () =>
      run(async ({ config, signal, say, result }) => {
        const { ensureTables, openEngine, openLake } = await import('../../../lake/index.ts');
        const { openDbt, sourceFreshness } = await import('../../dbt/index.ts');
        const dbt = await openDbt(config);
        try {
          const engine = await openEngine();
          try {
            await ensureTables(openLake(config.lake), openLake(config.privateLake), engine);
          } finally {
            await engine.close();
          }
          const sources = await sourceFreshness(dbt, { signal });
          for (const { source, status, loadedUs } of sources)
            say(
              `${source}: ${loadedUs === null ? 'nothing in the last seven days' : `newest row of ${new Date(loadedUs / 1000).toISOString()}`}` +
                `${status === 'pass' ? '' : status === 'warn' ? ', old' : ', too old'}`,
            );
          result(sources);
          return sources.every(({ status }) => status === 'pass') ? EXIT.done : EXIT.partial;
        } finally {
          await dbt.close();
        }
      }),
    );
};
