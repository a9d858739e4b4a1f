import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  program
    .command('backup')
    .description('copy what can not be made again: study store, private lake, pointers of the lake')
    .option('--to <folder>', 'where to; one folder a backup is made in it (default: FEEDTRIAL_BACKUP)')
    .addHelpText(
      'after',
      `
It holds who is in the study: keep it as closed as the store itself. Backups older than FEEDTRIAL_BACKUP_DAYS are removed
once the new one is whole. The lake's own files are written once and not in it: copy them by 'feedtrial lake copy'.`,
    )
    .action(async (options: { to?: string }) =>
      run(async ({ config, say, result }) => {
        const { backup } = await import('../../backup/index.ts');
        const summary = await backup({ config, ...(options.to === undefined ? {} : { to: options.to }) });
        say(`${summary.files} files, ${(summary.bytes / 2 ** 20).toFixed(1)} MB, in ${summary.folder}`);
        if (summary.removed.length > 0) say(`removed ${summary.removed.length} that are too old`);
        result(summary);
        return EXIT.done;
      }),
    );
};
