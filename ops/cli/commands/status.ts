import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  program
    .command('status')
    .description('one screen: capture, gaps, queues, labels, feeds, server, last runs, and what to do next')
    .action(async () =>
      run(async ({ config, say, result }) => {
        const { describeStatus, nextSteps, readStatus } = await import('../../status/index.ts');
        const status = await readStatus(config);
        for (const line of describeStatus(status)) say(line);
        result({ ...status, next: nextSteps(status) });
        return EXIT.done;
      }),
    );
};
