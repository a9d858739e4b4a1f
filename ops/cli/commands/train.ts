import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  const train = program.command('train').description('train the local students that label posts');
  train
    .command('starter')
    .description('train the starter students from published research data and write weights and model cards')
    .option('--data <folder>', 'folder with toxicity/ and pilot/', process.env['FEEDTRIAL_DATA'])
    .option('--out <folder>', "where weights and cards go; the checkout's own by default")
    .action(async (options: { data?: string; out?: string }) =>
      run(async ({ config, say, result }) => {
        const { trainStarter } = await import('../../../enrich/index.ts');
        const { enrichErrors } = await import('../../../enrich/errors.ts');
        if (options.data === undefined) throw enrichErrors.dataMissing('(no folder was given)');
        const trained = await trainStarter({
          config,
          data: options.data,
          ...(options.out === undefined ? {} : { out: options.out }),
        });
        for (const { label, version } of trained) say(`${label}: version ${version}`);
        result(trained);
        return EXIT.done;
      }),
    );
};
