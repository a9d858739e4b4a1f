import type { Command } from 'commander';
import { EXIT } from '../../../errors/index.ts';
import type { RunCommand } from '../../command.ts';
import { isoTime, loadStudy, named, withStore } from './with-store.ts';

const collect = (value: string, all: string[]): string[] => [...all, value];
const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
/** A p that is small enough to stop for: sample ratios are tested at 0.001, so that a sound study seldom raises a false alarm. */
const alarming = 0.001;

/** The commands about the trial itself: balance, power, freeze and amend. */
export function registerTrial(study: Command, run: RunCommand): void {
  study
    .command('balance')
    .description(
      'whether the randomisation holds: sample ratios, covariates, exposure by arm, the committed seed',
    )
    .option('--study <name>', 'study (default: FEEDTRIAL_STUDY)')
    .action((flags: { study?: string }) =>
      run(async ({ config, say, result }) => {
        const found = await withStore(config, (part, store) => part.studyBalance(store, flags.study));
        for (const row of found.rows)
          say(
            `${row.stratum.padEnd(16)}  ${row.arm.padEnd(22)}  ${String(row.enrolled).padStart(6)} enrolled  ${String(row.withdrawn).padStart(6)} withdrawn`,
          );
        const alarms: string[] = [];
        for (const [what, test] of [
          ['assigned', found.assigned],
          ['first served', found.first_served],
          ['analysed', found.analysed],
        ] as const) {
          if (test === null) {
            say(`${what.padEnd(14)} not known yet: 'feedtrial transform' counts who was served`);
            continue;
          }
          const arms = Object.entries(test.arms).map(
            ([arm, one]) => `${arm} ${one.observed} of ${one.expected.toFixed(1)}`,
          );
          say(
            `${what.padEnd(14)} ${arms.join(', ')}: chi-squared ${test.chi_squared.toFixed(2)}, ${test.degrees_of_freedom} df, p ${test.p.toFixed(4)}`,
          );
          if (test.p < alarming) alarms.push(`the ${what} are not in the ratio that they should be in`);
        }
        if (found.covariates.length > 0)
          say('covariate                 largest standardised difference   means by arm');
        for (const one of found.covariates)
          say(
            `${one.covariate.padEnd(24)}  ${one.largest_difference === null ? '-'.padStart(6) : one.largest_difference.toFixed(3).padStart(6)}  ${(one.between ?? []).join(' and ').padEnd(40)}  ${Object.entries(
              one.means,
            )
              .map(([arm, mean]) => `${arm} ${mean.toFixed(2)}`)
              .join(', ')}`,
          );
        for (const one of found.exposure)
          say(
            `${one.arm.padEnd(22)}  ${one.participants} assigned, ${one.served} served, ${one.analysed} analysed, ${one.positions_own_feed} positions of their own feed`,
          );
        say(
          `commitment ${found.commitment.commitment}; the seed gives ${found.commitment.blocks - found.commitment.altered.length} of ${found.commitment.blocks} blocks`,
        );
        if (found.commitment.altered.length > 0) alarms.push('blocks are not those that the seed gives');
        for (const alarm of alarms) process.stderr.write(`${alarm}\n`);
        result(found);
        return alarms.length > 0 ? EXIT.partial : EXIT.done;
      }),
    );

  study
    .command('power')
    .description('how many participants find an effect, from what the label was like over the network')
    .requiredOption('--calibration <csv>', 'a row a day, with a column avg_prob_<label>')
    .option('--posts <csv>', 'a row a post, with a column prob_<label>: how much single posts vary')
    .option('--label <name>', 'label whose mean over a feed is the outcome', 'toxic')
    .requiredOption(
      '--effect <number>',
      "difference of an arm from the control, in the label's units (0.01 of a probability)",
    )
    .option('--participants <n>', 'participants an arm', '500')
    .option('--arms <n>', 'arms, the control included; each other is compared with it', '3')
    .option('--weeks <n>', 'weeks', '4')
    .option('--positions <n>', 'positions that a participant is sent a week', '350')
    .option('--between-people <share>', 'share of the variance of posts that is between people', '0.05')
    .option('--opened <share>', 'share of the assigned who ever open the feed', '0.8')
    .option('--significance <p>', 'for all comparisons together', '0.05')
    .option('--target <power>', 'power that is wanted', '0.8')
    .option('--simulations <n>', 'studies to draw, without and with the effect; 0 draws none', '0')
    .action((flags: Record<string, string>) =>
      run(async ({ config, say, result }) => {
        const part = await loadStudy();
        const number = (name: string, low: number, high: number): number => {
          const key = name.replace(/-(\w)/g, (_all, letter: string) => letter.toUpperCase());
          const value = Number(flags[key]);
          if (flags[key] === '' || !Number.isFinite(value) || value < low || value > high)
            throw part.studyErrors.powerOption(name, flags[key] ?? '', `a number from ${low} to ${high}`);
          return value;
        };
        const calibration = await part.readCalibration({
          calibration: flags.calibration ?? '',
          label: flags.label ?? '',
          ...(flags.posts === undefined ? {} : { posts: flags.posts }),
        });
        const effect = number('effect', -1, 1);
        if (effect === 0) throw part.studyErrors.powerOption('effect', '0', 'a difference that is not 0');
        const options = {
          calibration,
          effect,
          participantsPerArm: number('participants', 2, 1e7),
          arms: number('arms', 2, 100),
          weeks: number('weeks', 1, 1000),
          positionsPerWeek: number('positions', 1, 1e6),
          betweenPeople: number('between-people', 0, 1),
          openedShare: number('opened', 0.001, 1),
          significance: number('significance', 1e-6, 0.5),
          targetPower: number('target', 0.01, 0.999),
        };
        const power = part.powerOf(options);
        say(
          `${calibration.label} over ${calibration.days} days: mean ${calibration.mean.toFixed(4)}, from day to day ${calibration.standard_deviation_of_days.toFixed(4)} (shared by all arms), from post to post ${calibration.standard_deviation_of_posts.toFixed(4)} (${calibration.posts_from === 'posts' ? 'from the posts' : 'half of the largest possible: give --posts for a measured one'})`,
        );
        say(
          `a participant's mean varies by ${power.standard_deviation_of_participants.toFixed(4)}; of the effect ${effect} intention to treat leaves ${power.diluted_effect.toFixed(4)}`,
        );
        say(
          `${options.participantsPerArm} an arm: power ${percent(power.power)} at p < ${power.significance_per_comparison.toFixed(4)} a comparison; smallest effect for ${percent(options.targetPower)} is ${power.smallest_effect.toFixed(4)}`,
        );
        say(`${percent(options.targetPower)} needs ${power.participants_per_arm_for_target} an arm`);
        const studies = number('simulations', 0, 1e5);
        let simulated = null;
        if (studies > 0) {
          const { readArms } = part;
          const open = (await readArms(config.projectRoot)).filter((arm) => arm.status === 'open');
          const draw = (units: number) =>
            part.simulateStudies({
              studies,
              participants: options.participantsPerArm * open.length,
              arms: open,
              effect: units,
              significance: power.significance_per_comparison,
            });
          simulated = {
            without_effect: draw(0),
            with_effect: draw(power.diluted_effect / power.standard_deviation_of_participants),
          };
          say(
            `${studies} simulated studies: significant without an effect ${percent(simulated.without_effect.significant_share)}, with it ${percent(simulated.with_effect.significant_share)}`,
          );
        }
        result({ calibration, power, simulated });
        return EXIT.done;
      }),
    );

  study
    .command('freeze')
    .description(
      'pin what the study promises: arms, policies, seeds, SQL, outcomes, and its randomisation by a commitment',
    )
    .option('--study <name>', 'study (default: FEEDTRIAL_STUDY)')
    .option(
      '--outcomes <file>',
      'file that defines outcomes, such as a preregistration; may be given several times',
      collect,
      [],
    )
    .option('--check', 'only say what has changed since')
    .option('--list', 'only say what was frozen and amended')
    .action((flags: { study?: string; outcomes: string[]; check?: boolean; list?: boolean }) =>
      run(async ({ config, say, result }) =>
        withStore(config, async (part, store) => {
          const options = { outcomes: flags.outcomes, ...named(flags) };
          if (flags.list === true) {
            const records = await part.listFrozen(store, flags.study);
            for (const one of records) {
              say(
                `${one.number}  ${one.kind.padEnd(9)}  ${isoTime(one.frozen_us)}  ${one.sha256}  ${one.reason}`,
              );
              for (const change of one.changes) say(`     ${change.what.padEnd(8)} ${change.file}`);
            }
            const broken = part.brokenRecords(records);
            if (broken.length > 0)
              process.stderr.write(`records ${broken.join(', ')} were changed afterwards\n`);
            result({ records, broken });
            return broken.length > 0 ? EXIT.failed : EXIT.done;
          }
          if (flags.check === true) {
            const { last, changes, broken } = await part.changedSinceFrozen(store, options);
            say(
              `${last.kind} ${last.number} of ${isoTime(last.frozen_us)} (${last.sha256}): ${changes.length === 0 ? 'nothing has changed' : `${changes.length} files have changed`}`,
            );
            for (const change of changes) say(`  ${change.what.padEnd(8)} ${change.file}`);
            if (broken.length > 0)
              process.stderr.write(`records ${broken.join(', ')} were changed afterwards\n`);
            result({ sha256: last.sha256, changes, broken });
            return changes.length + broken.length > 0 ? EXIT.failed : EXIT.done;
          }
          const record = await part.freeze(store, options);
          say(`study ${record.promised.study} is frozen: ${record.sha256}`);
          say(
            `seed commitment ${record.promised.seed_commitment}; ${Object.keys(record.promised.files).length} files`,
          );
          result(record);
          return EXIT.done;
        }),
      ),
    );

  study
    .command('amend')
    .description('record what has changed since the study was frozen, with the date and the reason')
    .requiredOption('--reason <text>', 'why, in words')
    .option('--study <name>', 'study (default: FEEDTRIAL_STUDY)')
    .option('--outcomes <file>', 'file that defines outcomes; may be given several times', collect, [])
    .action((flags: { study?: string; outcomes: string[]; reason: string }) =>
      run(async ({ config, say, result }) =>
        withStore(config, async (part, store) => {
          const record = await part.amend(store, {
            reason: flags.reason,
            outcomes: flags.outcomes,
            ...named(flags),
          });
          say(`amendment ${record.number} of study ${record.promised.study}: ${record.sha256}`);
          for (const change of record.changes) say(`  ${change.what.padEnd(8)} ${change.file}`);
          result(record);
          return EXIT.done;
        }),
      ),
    );
}
