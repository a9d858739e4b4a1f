import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  program
    .command('replay')
    .description('build a published generation again from what it stored, and compare it feed by feed')
    .argument('<generation>', 'name of the generation')
    .option('--out <folder>', 'keep what was rebuilt: feeds.parquet and serving.arrow')
    .action((generation: string, options: { out?: string }) =>
      run(async ({ config, say, result }) => {
        const { createProgress } = await import('../../progress/index.ts');
        const { replay } = await import('../../cycle/index.ts');
        const progress = createProgress({ label: 'replay' });
        const summary = await replay({
          config,
          generation,
          ...(options.out === undefined ? {} : { out: options.out }),
          onStep: (step) => {
            progress.note(step);
          },
        });
        progress.done();
        const { identical, erased, checked_in_part: inPart, different } = summary.feeds;
        const how = summary.identical_bytes
          ? 'byte for byte what was published'
          : 'not byte for byte the same files';
        say(
          `generation ${generation}: ${summary.how === 'rebuilt' ? how : 'compacted, its stored feeds were checked'}; ` +
            `${identical} feeds identical, ${erased} erased, ${inPart} checked in part, ${different} different`,
        );
        for (const erasure of summary.erasures)
          say(
            `  erased ${new Date(erasure.erased_us / 1000).toISOString()}, receipt ${erasure.receipt}: ` +
              `${erasure.had_a_feed ? 'a feed' : 'no feed'}, and posts in ${erasure.touched_feeds} others`,
          );
        for (const one of summary.participants) say(`  ${one.participant_id}  ${one.verdict}  ${one.detail}`);
        for (const file of summary.changed_files)
          say(`  ${file} is not what the generation was published with`);
        if (summary.rewritten_files.length > 0)
          say(`  rewritten by erasures: ${summary.rewritten_files.join(', ')}`);
        for (const note of summary.notes) say(`  ${note}`);
        result(summary);
        if (!summary.verified) return EXIT.failed;
        return erased + inPart > 0 || summary.how === 'compacted' ? EXIT.partial : EXIT.done;
      }),
    );
};
