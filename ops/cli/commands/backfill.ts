import { InvalidArgumentError } from 'commander';
import type { BackfillOptions, BackfillSummary } from '../../../extract/backfill/index.ts';
import { EXIT, FeedtrialError, type ExitCode } from '../../errors/index.ts';
import type { CommandContext, Register } from '../command.ts';
import { momentUs } from '../moment.ts';

const wholeNumber = (text: string): number => {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('It must be a whole number over 0.');
  return Number(text);
};

const rate = (text: string): number => {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('It must be a number of requests a second over 0.');
  return value;
};

interface Flags {
  did?: string[];
  participants?: true;
  followsOfParticipants?: true;
  gaps?: true;
  car?: string;
  allowUnverified?: true;
  likes?: true;
  profiles?: true;
  window?: string[];
  url?: string;
  limit?: number;
  collections?: string[];
  again?: true;
  dryRun?: true;
  plcUrl?: string;
  concurrency?: number;
  hostRate?: number;
  maxRepositoryBytes?: number;
}

/** What can be asked for, one at a time. */
const selections = [
  'did',
  'participants',
  'followsOfParticipants',
  'gaps',
  'car',
  'likes',
  'profiles',
  'window',
] as const;
type Selection = (typeof selections)[number];

const optionOf = (selection: Selection): string =>
  `--${selection.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

function selectionOf(flags: Flags): Selection {
  const chosen = selections.filter((name) => flags[name] !== undefined);
  if (chosen.length !== 1 || chosen[0] === undefined)
    throw new FeedtrialError(
      'FT_BACKFILL_WHAT',
      chosen.length === 0
        ? 'nothing was said of what to backfill'
        : `${chosen.map(optionOf).join(' and ')} are two backfills`,
      { fix: `give one of ${selections.map(optionOf).join(', ')}`, exitCode: EXIT.usage },
    );
  return chosen[0];
}

const plural = (n: number, one: string): string =>
  `${n.toLocaleString('en-US')} ${n === 1 ? one : one.endsWith('y') ? `${one.slice(0, -1)}ies` : `${one}s`}`;

function describe(summary: BackfillSummary, say: CommandContext['say']): void {
  const { outcomes, kind } = summary;
  if (summary.plan !== null) {
    const requests = summary.plan.reduce((sum, host) => sum + host.requests, 0);
    say(`would ask ${plural(summary.plan.length, 'host')} for ${plural(requests, kind)}:`);
    for (const { host, requests: n } of summary.plan.slice(0, 40)) say(`  ${String(n).padStart(7)}  ${host}`);
    if (summary.plan.length > 40) say(`  … and ${plural(summary.plan.length - 40, 'other host')}`);
  } else {
    say(
      `${plural(outcomes.done, kind)} fetched in ${summary.seconds.toFixed(1)} s` +
        (outcomes.unchanged > 0 ? `, ${outcomes.unchanged} unchanged since the last time` : '') +
        (outcomes.absent > 0 ? `, ${outcomes.absent} not to be had` : '') +
        (outcomes.failed > 0 ? `, ${outcomes.failed} failed` : '') +
        (summary.resumed > 0 ? `; ${summary.resumed} were done by an earlier run that was stopped` : ''),
    );
    if (summary.records > 0 && kind !== 'profile')
      say(
        kind === 'window'
          ? `${plural(summary.records, 'event')} in ${(summary.bytes / 1e6).toFixed(1)} MB`
          : `${plural(summary.records, 'record')} in ${(summary.bytes / 1e6).toFixed(1)} MB: ${summary.written} written, ${summary.records - summary.written} known or left out, ${summary.deleted} found deleted`,
      );
  }
  const reasons = Object.entries(summary.reasons).sort(([, a], [, b]) => b - a);
  if (reasons.length > 0) say(`reasons: ${reasons.map(([reason, n]) => `${n} ${reason}`).join(', ')}`);
  for (const { did, uri, reason, detail } of summary.missed.slice(0, 20))
    say(`  ${uri ?? did ?? ''}: ${reason ?? ''}${detail === null ? '' : `: ${detail}`}`);
  const missed = outcomes.absent + outcomes.failed;
  if (missed > 20) say(`  … and ${missed - 20} more: see raw/backfills`);
  if (summary.gaps.closed > 0) say(`${plural(summary.gaps.closed, 'gap')} closed`);
  for (const { gapId, kind: of, why } of summary.gaps.left.slice(0, 20))
    say(`  gap ${gapId} (${of}) stays open: ${why}`);
  if (summary.gaps.left.length > 20) say(`  … and ${summary.gaps.left.length - 20} other gaps`);
  if (summary.stoppedBy === 'signal') say('stopped: the same command goes on with what is left');
  else if (summary.plan === null && summary.written + summary.deleted > 0) say("next: 'feedtrial land'");
}

const exitCodeOf = ({ outcomes, stoppedBy, gaps }: BackfillSummary): ExitCode =>
  stoppedBy === 'signal' || outcomes.failed > 0 || gaps.left.length > 0 ? EXIT.partial : EXIT.done;

export const register: Register = (program, run) => {
  program
    .command('backfill')
    .description(
      'Fetch what was before capture began, or went past it. Every repository is verified before a row of it is written.',
    )
    .option('--did <did...>', 'repositories of these accounts')
    .option('--participants', "repositories of the study's participants")
    .option(
      '--follows-of-participants',
      'repositories of those whom participants follow, as far as the lake knows it',
    )
    .option('--gaps', 'repositories whose chain of commits is broken, which closes their gaps')
    .option('--car <file>', 'a repository that was exported to a file')
    .option(
      '--allow-unverified',
      "with --car: take it also where its signing key can't be had; its rows say so",
    )
    .option(
      '--likes',
      'posts that were liked, reposted, replied to or quoted and that the warehouse does not hold',
    )
    .option(
      '--profiles',
      'profiles of participants and of authors who posted lately, as the public API shows them',
    )
    .option(
      '--window <moment...>',
      'what Jetstream had from one moment to another: two times, such as 2026-07-04T12:00:00Z 2026-07-04T14:00:00Z',
    )
    .option(
      '--url <url>',
      'with --window: Jetstream server (default: FEEDTRIAL_JETSTREAM_URL); with --profiles: API',
    )
    .option('--limit <n>', 'with --likes and --profiles: the most wanted so many', wholeNumber)
    .option(
      '--collections <nsid...>',
      "collections to keep, such as 'app.bsky.graph.*' (default: FEEDTRIAL_COLLECTIONS, or all)",
    )
    .option('--again', "fetch also what hasn't changed since it was last fetched")
    .option('--dry-run', 'say what would be asked of whom; nobody is asked but the directory of DIDs')
    .option('--plc-url <url>', 'directory of did:plc documents (default: FEEDTRIAL_PLC_URL)')
    .option('--concurrency <n>', 'downloads at once', wholeNumber)
    .option('--host-rate <n>', 'requests a second that one host is asked at most (default: 8)', rate)
    .option('--max-repository-bytes <n>', 'give up larger repositories (default: 2147483648)', wholeNumber)
    .addHelpText(
      'after',
      `
It may be stopped or killed at any moment: the same command goes on with what is left, and nothing of half a repository is
ever landed. What couldn't be had after three attempts is a row of raw/backfills with its reason, and so is what isn't there.
A record that the lake has and the repository no longer has is written as a delete. 'feedtrial land' comes next.`,
    )
    .action((flags: Flags) =>
      run(async ({ config, signal, say, result }) => {
        const selection = selectionOf(flags);
        const backfill = await import('../../../extract/backfill/index.ts');
        const common: BackfillOptions = {
          config,
          signal,
          plcUrl: flags.plcUrl,
          collections: flags.collections?.flatMap((value) => value.split(',')).filter(Boolean),
          again: flags.again,
          dryRun: flags.dryRun,
          concurrency: flags.concurrency,
          hostLimits: flags.hostRate === undefined ? undefined : { perSecond: flags.hostRate },
          maxRepositoryBytes: flags.maxRepositoryBytes,
        };
        const repositories = async (
          of: 'participants' | 'follows' | 'gaps',
          what: string,
          fix: string,
        ): Promise<BackfillSummary> => {
          const dids = await backfill.findTargets(config, of);
          if (dids.length === 0) throw backfill.backfillErrors.nobody(what, fix);
          return backfill.backfillRepositories({ ...common, dids, request: of });
        };
        const perform = async (): Promise<BackfillSummary> => {
          switch (selection) {
            case 'did': {
              const dids = (flags.did ?? []).flatMap((value) => value.split(',')).filter(Boolean);
              const wrong = dids.find((did) => !did.startsWith('did:'));
              if (wrong !== undefined) throw backfill.backfillErrors.badDid(wrong);
              return backfill.backfillRepositories({ ...common, dids });
            }
            case 'participants': {
              const { refreshRoster } = await import('../../../study/index.ts');
              await refreshRoster(config);
              return repositories(
                'participants',
                `nobody is in the study '${config.study}'`,
                "enrol somebody: 'feedtrial study enroll --help'",
              );
            }
            case 'followsOfParticipants':
              return repositories(
                'follows',
                'the lake knows nobody whom participants follow',
                "run 'feedtrial backfill --participants' and 'feedtrial land' first",
              );
            case 'gaps':
              return repositories(
                'gaps',
                'no repository has an open gap',
                "'feedtrial status' shows the other gaps",
              );
            case 'likes':
              return backfill.backfillPosts({ ...common, limit: flags.limit });
            case 'profiles':
              return backfill.backfillProfiles({ ...common, limit: flags.limit, apiUrl: flags.url });
            case 'window': {
              const [from, to, ...more] = flags.window ?? [];
              if (from === undefined || to === undefined || more.length > 0)
                throw backfill.backfillErrors.badWindow('a window has a beginning and an end');
              const [fromUs, toUs] = [momentUs(from), momentUs(to)];
              return backfill.backfillWindow({ ...common, fromUs, toUs, url: flags.url });
            }
            case 'car':
              return backfill.backfillCarFile({
                ...common,
                file: flags.car ?? '',
                allowUnverified: flags.allowUnverified,
              });
          }
        };
        const summary = await perform();
        result(summary);
        describe(summary, say);
        return exitCodeOf(summary);
      }),
    );
};
