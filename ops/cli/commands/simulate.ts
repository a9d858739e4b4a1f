import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  program
    .command('simulate')
    .description(
      'rank a past window for every participant in every arm, serve nobody, and report what each arm would have shown',
    )
    .argument('[generation]', 'whose posts, participants and follows; the generation in force by default')
    .option(
      '--posts <csv>',
      'rank these posts for made-up readers instead: uri, created_at, num_likes, prob_toxic, …',
    )
    .option('--readers <n>', 'made-up readers for --posts', '50')
    .option('--follow-share <share>', 'share of the authors that each of them follows', '0.1')
    .option('--first <n>', 'positions from the top that are counted', '50')
    .option('--plot <svg>', 'write the plot to this file')
    .action((generation: string | undefined, flags: Record<string, string | undefined>) =>
      run(async ({ config, signal, say, result }) => {
        const { writeFile } = await import('node:fs/promises');
        const { openDbt } = await import('../../dbt/index.ts');
        const { createProgress } = await import('../../progress/index.ts');
        const { plotSvg, plotText, simulate } = await import('../../simulate/index.ts');
        const { FeedtrialError } = await import('../../errors/index.ts');
        const number = (name: string, low: number, high: number): number => {
          const value = Number(flags[name]);
          if (!Number.isFinite(value) || value < low || value > high)
            throw new FeedtrialError('FT_SIMULATE_OPTION', `--${name} is '${flags[name] ?? ''}'`, {
              fix: `give a number from ${low} to ${high}`,
              exitCode: EXIT.usage,
            });
          return value;
        };
        const options = {
          readers: Math.round(number('readers', 1, 100_000)),
          followShare: number('followShare', 0, 1),
          first: Math.round(number('first', 1, 1000)),
        };
        const progress = createProgress({ label: 'simulate' });
        const dbt = await openDbt(config);
        try {
          const report = await simulate({
            config,
            dbt,
            signal,
            ...options,
            ...(generation === undefined ? {} : { generation }),
            ...(flags.posts === undefined ? {} : { posts: flags.posts }),
            onStep: (step) => {
              progress.note(step);
            },
          });
          progress.done();
          say(
            `${report.from}, as of ${report.as_of}: ${report.posts} posts, ${report.participants} participants in every arm, first ${report.first} positions`,
          );
          for (const one of report.arms)
            say(
              `  ${one.arm}: ${one.policy} ${one.policy_version}, ${one.feeds} feeds of ${one.mean_positions.toFixed(1)} posts, shortest ${one.shortest}`,
            );
          for (const line of plotText(report)) say(line);
          for (const { arm, reason } of report.left_out) say(`left out: ${arm}, ${reason}`);
          if (flags.plot !== undefined) {
            await writeFile(flags.plot, plotSvg(report));
            say(`plot: ${flags.plot}`);
          }
          result(report);
          return report.left_out.length > 0 ? EXIT.partial : EXIT.done;
        } finally {
          await dbt.close();
        }
      }),
    );
};
