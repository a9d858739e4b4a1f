import { EXIT, FeedtrialError } from '../../ops/errors/index.ts';

export const perspectiveErrors = {
  noKeys: () =>
    new FeedtrialError('FT_PERSPECTIVE_NO_KEYS', 'no key for the Perspective API is set', {
      fix: 'set FEEDTRIAL_PERSPECTIVE_KEYS, several keys separated by commas; without it the next labeler in seeds/label_precedence.csv fills in',
      exitCode: EXIT.usage,
    }),
  badKeys: (said: string) =>
    new FeedtrialError(
      'FT_PERSPECTIVE_KEYS',
      `Perspective takes none of the keys; the last answer was: ${said}`,
      {
        fix: 'look in the Google Cloud console whether the keys exist and their projects have the Perspective API turned on',
      },
    ),
  quota: (keys: number) =>
    new FeedtrialError('FT_PERSPECTIVE_QUOTA', `the day's quota of all ${keys} keys is used up`, {
      fix: 'run it again tomorrow (the quota begins anew at midnight Pacific time), or add a key of another project',
      exitCode: EXIT.partial,
    }),
  tooFast: (said: string) =>
    new FeedtrialError(
      'FT_PERSPECTIVE_RATE',
      `Perspective keeps answering that it is asked too fast: ${said}`,
      {
        fix: "set FEEDTRIAL_PERSPECTIVE_RATE to the keys' real requests a second; runs that share keys must be shards (--shard i/n), which share the rate",
      },
    ),
  shards: (shards: number, perSecond: number) =>
    new FeedtrialError(
      'FT_PERSPECTIVE_SHARDS',
      `${shards} shards can't share ${perSecond} requests a second: each keeps its part of a key's rate`,
      { fix: 'use fewer shards, at most FEEDTRIAL_PERSPECTIVE_RATE of them', exitCode: EXIT.usage },
    ),
  closed: (said: string) =>
    new FeedtrialError('FT_PERSPECTIVE_CLOSED', `Perspective is no longer there: ${said}`, {
      fix: 'the students in seeds/label_precedence.csv fill in; docs/when-perspective-closes.md says what to check',
    }),
  down: (posts: number, last: string) =>
    new FeedtrialError(
      'FT_PERSPECTIVE_DOWN',
      `Perspective failed on ${posts} posts in a row, the last time with: ${last}`,
      { fix: 'run it again later; those posts keep their attempts' },
    ),
};
