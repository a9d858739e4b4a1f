import type { Command } from 'commander';
import { EXIT } from '../../../errors/index.ts';
import type { RunCommand } from '../../command.ts';
import { isoTime, named, withStore } from './with-store.ts';

/** `study wave|compliance|unopened`: who answered, who takes part and who never came. */
export function registerSurvey(study: Command, run: RunCommand): void {
  study
    .command('wave')
    .description("take in a wave of the panel's survey, by panel id; repeating it changes nothing")
    .argument('<file>', "CSV file with the columns 'panel_id' and 'completed_at', and whatever was asked")
    .requiredOption('--wave <name>', "the wave's name, such as 'baseline'")
    .option('--study <name>', 'study (default: FEEDTRIAL_STUDY)')
    .action((file: string, flags: { wave: string; study?: string }) =>
      run(async ({ config, say, result }) => {
        const summary = await withStore(config, (part, store) =>
          part.importWave(store, { file, wave: flags.wave, ...named(flags) }),
        );
        say(
          `wave ${summary.wave}: ${summary.imported} answers taken in, ${summary.changed} changed, ${summary.unknown} of people who are not enrolled`,
        );
        result(summary);
        return EXIT.done;
      }),
    );

  study
    .command('compliance')
    .description('by arm: who opened the feed, who left, who answered each wave')
    .option('--study <name>', 'study (default: FEEDTRIAL_STUDY)')
    .action((flags: { study?: string }) =>
      run(async ({ config, say, result }) => {
        const rows = await withStore(config, (part, store) => part.compliance(store, flags.study));
        for (const row of rows) {
          const answered = Object.entries(row.answered).map(([wave, n]) => `${wave} ${n}`);
          say(
            `${row.arm.padEnd(22)}  ${row.enrolled} enrolled  ${row.pending} pending  ${row.opened} opened  ${row.withdrawn} withdrawn  ${row.erased} erased  attrition ${(row.attrition * 100).toFixed(1)}%  ${answered.join('  ')}`,
          );
        }
        result(rows);
        return EXIT.done;
      }),
    );

  study
    .command('unopened')
    .description('who was enrolled and has never opened the feed, longest first')
    .option('--study <name>', 'study (default: FEEDTRIAL_STUDY)')
    .action((flags: { study?: string }) =>
      run(async ({ config, say, result }) => {
        const people = await withStore(config, (part, store) => part.neverOpened(store, flags.study));
        for (const person of people)
          say(`${person.participant_id}  ${person.panel_id ?? '-'}  enrolled ${isoTime(person.enrolled_us)}`);
        say(`${people.length} have never opened the feed`);
        result(people);
        return EXIT.done;
      }),
    );
}
