import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  program
    .command('diff')
    .description("which participants' feeds differ between two generations, and why")
    .argument('<from>', 'the earlier generation')
    .argument('<to>', 'the later generation')
    .option('--limit <n>', 'participants that are shown', '20')
    .action((from: string, to: string, options: { limit: string }) =>
      run(async ({ config, say, result }) => {
        const { compareGenerations } = await import('../../cycle/index.ts');
        const diff = await compareGenerations({ config, from, to });
        const reasonsOf = (reasons: typeof diff.reasons): string =>
          Object.entries(reasons)
            .sort(([, a], [, b]) => b - a)
            .map(([reason, count]) => `${reason} ${count}`)
            .join(', ') || 'only the order';
        say(
          `${diff.feeds} feeds in both, ${diff.unchanged} unchanged; ${diff.only_from.length} only in ${from}, ` +
            `${diff.only_to.length} only in ${to}`,
        );
        say(`posts that came or went, by reason: ${reasonsOf(diff.reasons)}`);
        if (diff.compared === 'feeds')
          say('one of the two was compacted: a post that is in no feed of it counts as not in its pool');
        const limit = Number(options.limit);
        for (const one of diff.participants.slice(0, Number.isFinite(limit) ? limit : 20))
          say(
            `  ${one.participant_id}  ${one.arm}${one.policy === null ? '' : `  ${one.policy}`}  +${one.entered} -${one.left}, ` +
              `${one.moved} moved: ${reasonsOf(one.reasons)}`,
          );
        result(diff);
        return EXIT.done;
      }),
    );
};
