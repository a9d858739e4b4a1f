import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  program
    .command('restore')
    .description('put a backup in place; stop the server and the schedule first')
    .argument('<folder>', 'folder of one backup')
    .option('--replace', 'move what is there aside')
    .action(async (from: string, options: { replace?: true }) =>
      run(async ({ config, say, result }) => {
        const { restore } = await import('../../backup/index.ts');
        const summary = await restore({ config, from, replace: options.replace ?? false });
        say(`${summary.files} files of ${summary.made} are in place`);
        for (const place of summary.movedAside) say(`moved aside: ${place}`);
        for (const pointer of summary.left) say(`left: ${pointer} names what is not in this lake`);
        say(`withdrawals and erasures since ${summary.made} are not in it: do them again before you serve`);
        say("next: 'feedtrial cycle', then 'feedtrial serve'");
        result(summary);
        return EXIT.done;
      }),
    );
};
