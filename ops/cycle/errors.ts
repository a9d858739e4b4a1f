import type { Change, FrozenRecord } from '../../study/index.ts';
import { EXIT, FeedtrialError } from '../errors/index.ts';

const isoTime = (us: number): string => new Date(us / 1000).toISOString();

export const cycleErrors = {
  held: (name: string, holder: string) =>
    new FeedtrialError('FT_CYCLE_HELD', `another ${name} is at work: ${holder}`, {
      fix: "let it end ('feedtrial runs' shows how far it is); a lease whose process died is taken over by itself",
    }),
  stopped: () =>
    new FeedtrialError('FT_CYCLE_STOPPED', 'the cycle was stopped', {
      fix: 'run it again: every stage goes on from what is durable',
      exitCode: EXIT.partial,
    }),
};

export const rankErrors = {
  notTransformed: () =>
    new FeedtrialError('FT_RANK_NOT_TRANSFORMED', 'there is nothing to rank: the models were never built', {
      fix: "run 'feedtrial transform' first, or 'feedtrial cycle', which does all of it in order",
    }),
  asOf: (askedUs: number, builtUs: number) =>
    new FeedtrialError(
      'FT_RANK_AS_OF',
      `ranking as of ${isoTime(askedUs)} was asked for, but the models were built as of ${isoTime(builtUs)}`,
      {
        fix: `run 'feedtrial transform --as-of ${isoTime(askedUs)}' first: filters, likes and superposters are counted there`,
        exitCode: EXIT.usage,
      },
    ),
  knownAt: (asOfUs: number, askedUs: number | null, builtUs: number | null) =>
    new FeedtrialError(
      'FT_RANK_AS_OF',
      `ranking as if ${askedUs === null ? 'everything were known' : `nothing were known after ${isoTime(askedUs)}`} was asked for, but the models know ${builtUs === null ? 'all that is in the lake' : `what was there by ${isoTime(builtUs)}`}`,
      {
        fix: `run 'feedtrial transform --as-of ${isoTime(asOfUs)}${askedUs === null || askedUs === asOfUs ? '' : ` --known-at ${isoTime(askedUs)}`}' first`,
        exitCode: EXIT.usage,
      },
    ),
  generation: (name: string) =>
    new FeedtrialError('FT_RANK_GENERATION', `'${name}' can not name a generation`, {
      fix: 'use up to 100 letters, digits, dots, hyphens and underscores, a letter or digit first',
      exitCode: EXIT.usage,
    }),
  generationExists: (generation: string) =>
    new FeedtrialError('FT_RANK_GENERATION_EXISTS', `generation ${generation} was published already`, {
      fix: 'a generation is immutable: rank under another name',
    }),
  randomSeed: () =>
    new FeedtrialError('FT_RANK_SEED', 'the random seed is not usable', {
      fix: 'use up to 200 letters, digits, dots, hyphens and underscores',
      exitCode: EXIT.usage,
    }),
  policyEdited: (changes: readonly string[]) =>
    new FeedtrialError(
      'FT_RANK_POLICY_EDITED',
      `rows of seeds/ranking_policies.csv that have ranked feeds were edited:\n${changes.map((c) => `  ${c}`).join('\n')}`,
      {
        fix: 'put the row back and add one with a new version and a later valid_from: feeds name the version that ranked them',
        exitCode: EXIT.usage,
      },
    ),
  policies: (detail: string, cause?: unknown) =>
    new FeedtrialError('FT_RANK_POLICIES', `seeds/ranking_policies.csv can not be used: ${detail}`, {
      fix: 'correct the row; seeds/ranking_policies.yml says what each column holds',
      exitCode: EXIT.usage,
      cause,
    }),
  promise: (study: string, last: FrozenRecord, changes: readonly Change[], broken: readonly number[]) =>
    new FeedtrialError(
      'FT_RANK_PROMISE',
      [
        `study '${study}' is not as it was promised by ${last.kind} ${last.number} of ${isoTime(last.frozen_us)}; nothing was ranked, the last generation stays in force:`,
        ...changes.map(({ file, what }) => `  ${what} ${file}`),
        ...broken.map((number) => `  record ${number} was changed afterwards`),
      ].join('\n'),
      {
        fix:
          broken.length > 0
            ? "find out who edited the study store; 'feedtrial study freeze --list' shows its records"
            : "put it back, or record the change: 'feedtrial study amend --reason …'",
        exitCode: EXIT.refused,
      },
    ),
  refused: (generation: string, breaches: readonly string[], cause?: unknown) =>
    new FeedtrialError(
      'FT_RANK_REFUSED',
      `generation ${generation} was not published, the last one stays in force:\n${breaches.map((b) => `  ${b}`).join('\n')}`,
      {
        fix: `what was measured is in refused/${generation}.json of the lake; bounds are in seeds/guardrails.csv`,
        exitCode: EXIT.refused,
        cause,
      },
    ),
};

export const replayErrors = {
  unknown: (generation: string, known: readonly string[]) =>
    new FeedtrialError('FT_REPLAY_UNKNOWN', `there is no published generation ${generation}`, {
      fix:
        known.length > 0 ? `the latest are ${known.join(', ')}` : "none was published: 'feedtrial rank' does",
      exitCode: EXIT.usage,
    }),
  missing: (generation: string, files: readonly string[]) =>
    new FeedtrialError('FT_REPLAY_MISSING', `generation ${generation} lacks ${files.join(', ')}`, {
      fix: 'put the files back from a copy of the lake or the private lake: a generation is replayed from what it stored',
    }),
  older: (generation: string, format: string) =>
    new FeedtrialError('FT_REPLAY_FORMAT', `generation ${generation} is of format '${format}'`, {
      fix: 'replay it with the version of Feedtrial that its manifest names under code',
    }),
};
