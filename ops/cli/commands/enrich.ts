import { InvalidArgumentError, Option } from 'commander';
import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

const wholeNumber = (text: string): number => {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('expected a whole number from 1');
  return Number(text);
};

const share = (text: string): number => {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('expected a share over 0 and at most 1');
  return value;
};

interface Options {
  shard?: string;
  limit?: number;
  sample?: number;
  retry?: string;
  postsPerPrompt?: number;
  batch?: boolean;
  wait?: boolean;
}

export const register: Register = (program, run) => {
  program
    .command('enrich')
    .description('ask labelers about the posts that the queue has for them')
    .argument(
      '[labeler...]',
      "labelers to ask, or a family of them, such as 'llm'; all that the queue names by default",
    )
    .option('--shard <i/n>', 'label only the i-th of n parts of the posts, as one of n machines')
    .option('--limit <posts>', 'label at most this many posts a labeler', wholeNumber)
    .option('--sample <p>', 'label this share of the posts, from 0 to 1, the same ones in every run', share)
    .addOption(
      new Option(
        '--retry <what>',
        'ask again about posts on which a labeler failed, those that it failed on three times included',
      ).choices(['failed']),
    )
    .option('--posts-per-prompt <n>', 'put n posts into each prompt of an LLM; one by default', wholeNumber)
    .option(
      '--batch',
      "ask LLMs by the Batch API: half the price, an answer within a day; the next run with --batch fetches what's there",
    )
    .option('--wait', 'with --batch: wait until the batches are done')
    .action(async (names: string[], options: Options) =>
      run(async ({ config, signal, say, result }) => {
        const { enrich, parseShard } = await import('../../../enrich/index.ts');
        const summary = await enrich({
          config,
          ...(names.length > 0 ? { labelers: names } : {}),
          ...(options.shard === undefined ? {} : { shard: parseShard(options.shard) }),
          ...(options.limit === undefined ? {} : { limit: options.limit }),
          ...(options.sample === undefined ? {} : { sample: options.sample }),
          ...(options.postsPerPrompt === undefined ? {} : { postsPerPrompt: options.postsPerPrompt }),
          retryFailed: options.retry === 'failed',
          ...(options.batch ? { batch: { wait: options.wait ?? false } } : {}),
          signal,
        });
        if (summary.publishId === null)
          say("no queue yet: run 'feedtrial transform' first, which publishes it");
        else if (summary.labelers.every(({ queued, status }) => queued === 0 && status === 'done'))
          say('the queue is empty: every queued post has its labels');
        for (const one of summary.labelers) {
          if (one.status === 'failed') say(`${one.labeler}: ${one.error}`);
          if (one.status === 'failed') continue;
          if (one.status === 'stopped' && one.error !== null) say(`${one.labeler} stopped: ${one.error}`);
          if (one.queued > 0) {
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
        for (const { labeler, reason, fix } of summary.notReady)
          say(`${labeler}: not asked, ${reason}${fix === null ? '' : `\n  fix: ${fix}`}`);
        result(summary);
        return summary.status === 'done' ? EXIT.done : EXIT.partial;
      }),
    );
};
