import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  const labels = program
    .command('labels')
    .description('what labels say beside each other: at a switch of labelers, and by arm');

  labels
    .command('switch-over')
    .description(
      "how each label's distribution shifts where one labeler steps in for another, over the posts that both have labelled; exit 3 where a shift rests on too few days",
    )
    .addHelpText(
      'after',
      `
Rows of the model fct_label_switch_over, as of the last observation. Who steps in for whom is in seeds/label_precedence.csv, how
many days of double labels a conclusion needs is 'switch_over_days' in seeds/observe_parameters.csv: two weeks.`,
    )
    .action(async () =>
      run(async ({ config, say, result }) => {
        const { describeSwitchOver, readSwitchOver } = await import('../../labels/index.ts');
        const { observedUs, rows } = await readSwitchOver(config);
        for (const line of describeSwitchOver(rows)) say(line);
        const isEnough = rows.length > 0 && rows.every((row) => row.is_enough);
        result({ observedUs, isEnough, labels: rows });
        return isEnough ? EXIT.done : EXIT.partial;
      }),
    );

  labels
    .command('coverage')
    .description('how many of the posts that each arm was served have the labels that rank and that measure')
    .action(async () =>
      run(async ({ config, say, result }) => {
        const { describeArmCoverage, readArmCoverage } = await import('../../labels/index.ts');
        const { observedUs, rows } = await readArmCoverage(config);
        for (const line of describeArmCoverage(rows)) say(line);
        result({ observedUs, arms: rows });
        return EXIT.done;
      }),
    );
};
