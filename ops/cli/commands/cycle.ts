import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  program
    .command('cycle')
    .description('land, transform, enrich, rank and publish, once; only one cycle runs at a time')
    .action(async () =>
      run(async ({ config, signal, say, result }) => {
        const { cycle } = await import('../../cycle/index.ts');
        const summary = await cycle({
          config,
          signal,
          onStage: ({ stage, status, seconds, reason }) => {
            say(`${stage}: ${status} in ${seconds.toFixed(1)} s${reason === null ? '' : ` (${reason})`}`);
          },
        });
        result(summary);
        return summary.exitCode;
      }),
    );
};
