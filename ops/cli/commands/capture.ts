import { InvalidArgumentError, Option } from 'commander';
import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

const wholeNumber = (value: string): number => {
  if (!/^[1-9]\d{0,14}$/.test(value)) throw new InvalidArgumentError('It must be a whole number over 0.');
  return Number(value);
};

const seconds = (value: string): number => {
  const number = Number(value);
  if (!Number.isFinite(number) || number <= 0)
    throw new InvalidArgumentError('It must be a number of seconds over 0.');
  return number;
};

interface Options {
  source: 'firehose' | 'jetstream' | 'moderation';
  url?: string;
  plcUrl?: string;
  collections?: string[];
  maxEvents?: number;
  idleExit?: number;
  decoder: 'fast' | 'reference';
  verify: boolean;
  sameServer?: boolean;
  takeOver?: boolean;
  lease?: boolean;
  zstdDictionary?: string;
}

export const register: Register = (program, run) => {
  program
    .command('capture')
    .description(
      'Follow a stream of the network into the spool, verified, from where the last capture came to.',
    )
    .addOption(
      new Option('--source <source>', 'what to follow')
        .choices(['firehose', 'jetstream', 'moderation'])
        .makeOptionMandatory(),
    )
    .option(
      '--url <url>',
      'relay, Jetstream server or labeler (default: FEEDTRIAL_RELAY_URL, FEEDTRIAL_JETSTREAM_URL or FEEDTRIAL_MODERATION_URL)',
    )
    .option('--plc-url <url>', 'directory of did:plc documents (default: FEEDTRIAL_PLC_URL)')
    .option(
      '--collections <nsid...>',
      "collections to keep, such as 'app.bsky.graph.*' (default: FEEDTRIAL_COLLECTIONS, or all)",
    )
    .option('--max-events <n>', 'stop after this many events', wholeNumber)
    .option('--idle-exit <seconds>', 'stop when nothing has come for so long', seconds)
    .addOption(
      new Option('--decoder <decoder>', "'reference' is @atproto/sync's own parser: slow, for comparison")
        .choices(['fast', 'reference'])
        .default('fast'),
    )
    .option('--zstd-dictionary <file>', 'dictionary of a Jetstream server: events come compressed')
    .option('--take-over', 'ask a capture that has the stream to end, and go on where it stopped')
    .option(
      '--lease',
      'hold a lease on the lake, for captures that share the lake but no spool: begins where the one before it stopped, and with --take-over asks it to end',
    )
    .option('--same-server', 'the address is a new one of the server that the cursor is of')
    .option(
      '--no-verify',
      'take the firehose without checking signatures and proofs, and its rows say so; or labels without checking who signed them',
    )
    .addHelpText(
      'after',
      `
It goes on until it is stopped (Ctrl-C or SIGTERM: it seals the spool within five seconds). 'feedtrial land' moves sealed
segments into the lake while it runs. Jobs with a time limit chain by --take-over: start the next one before the limit, on
the same spool; it asks the one before to seal and end, and goes on from its cursor.`,
    )
    .action(async (options: Options) => {
      await run(async ({ config, signal, say, result }) => {
        const { capture } = await import('../../../extract/capture/index.ts');
        const summary = await capture({
          config,
          signal,
          source: options.source,
          url: options.url,
          plcUrl: options.plcUrl,
          collections: options.collections?.flatMap((value) => value.split(',')).filter(Boolean),
          maxEvents: options.maxEvents,
          idleExitSeconds: options.idleExit,
          decoder: options.decoder,
          verify: options.verify,
          sameServer: options.sameServer,
          takeOver: options.takeOver,
          lease: options.lease,
          zstdDictionary: options.zstdDictionary,
        });
        const rejected = Object.entries(summary.rejected);
        const rows = Object.entries(summary.rows);
        say(
          `captured ${summary.events} events in ${summary.durationSeconds.toFixed(1)} s` +
            (rows.length > 0 ? ` (${rows.map(([kind, n]) => `${n} ${kind}`).join(', ')})` : '') +
            `, up to cursor ${summary.cursor ?? 'none'}; stopped by ${summary.stoppedBy}`,
        );
        if (rejected.length > 0)
          say(
            `rejected, and kept in the spool: ${rejected.map(([reason, n]) => `${n} ${reason}`).join(', ')}`,
          );
        const iso = (us: number): string => new Date(us / 1000).toISOString();
        for (const { collection, fromUs, toUs } of summary.newlyKept)
          say(
            `${collection === '*' ? 'collections that were left out are' : `${collection} is`} kept from ${iso(toUs)} on and missing since ${iso(fromUs)}: 'feedtrial backfill' of the repositories that matter fetches it`,
          );
        if (summary.changedFrom !== null && summary.source === 'firehose')
          say(
            `the cursor was of ${summary.changedFrom}: what lies between is an open gap (kind 'source_changed'); with --same-server capture would have gone on from it`,
          );
        if (summary.chain !== null && summary.chain.breaks + summary.chain.incomplete > 0)
          say(
            `${summary.chain.breaks + summary.chain.incomplete} repositories' chains are broken: their gaps (kind 'chain_break') queue them for 'feedtrial backfill'`,
          );
        say("next: 'feedtrial land'");
        result(summary);
        return EXIT.done;
      });
    });
};
