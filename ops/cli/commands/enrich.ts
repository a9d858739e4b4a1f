import { InvalidArgumentError } from 'commander';
import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

const wholeNumber = (text: string): number => {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('expected a whole number from 1');
  return Number(text);
};

export const register: Register = (program, run) => {
  program
    .command('enrich')
    .description('ask labelers about the posts that the queue has for them')
    .argument('[labeler...]', 'labelers to ask; all that the queue names by default')
    .option('--shard <i/n>', 'label only the i-th of n parts of the posts, as one of n machines')
    .option('--limit <posts>', 'label at most this many posts a labeler', wholeNumber)
    .action(async (names: string[], options: { shard?: string; limit?: number }) =>
      run(async ({ config, signal, say, result }) => {
        const { enrich, parseShard } = await import('../../../enrich/index.ts');
        const summary = await enrich({
          config,
          ...(names.length > 0 ? { labelers: names } : {}),
          ...(options.shard === undefined ? {} : { shard: parseShard(options.shard) }),
          ...(options.limit === undefined ? {} : { limit: options.limit }),
          signal,
        });
        if (summary.publishId === null)
          say("no queue yet: run 'feedtrial transform' first, which publishes it");
        else if (summary.labelers.every(({ queued, status }) => queued === 0 && status === 'done'))
          say('the queue is empty: every queued post has its labels');
        for (const one of summary.labelers) {
          if (one.status === 'failed') say(`${one.labeler}: ${one.error}`);
          else if (one.queued > 0) {
            const bad = one.failed + one.refused + one.skipped;
            const rate = one.ok / Math.max(one.seconds, 0.001);
            say(
              `${one.labeler}: ${one.ok} of ${one.queued} posts labelled in ${one.seconds.toFixed(1)} s (${rate.toFixed(0)}/s)` +
                (bad > 0 ? `, ${one.failed} failed, ${one.refused} refused, ${one.skipped} skipped` : '') +
                (one.status === 'stopped' ? '; stopped, run it again for the rest' : ''),
            );
          }
        }
        for (const name of summary.unknown)
          say(`${name}: the queue names it, but there is no such labeler here`);
        result(summary);
        return summary.status === 'done' ? EXIT.done : EXIT.partial;
      }),
    );
};
