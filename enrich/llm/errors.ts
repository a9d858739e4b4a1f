import { EXIT, FeedtrialError } from '../../ops/errors/index.ts';

export const llmErrors = {
  noKey: () =>
    new FeedtrialError('FT_LLM_NO_KEY', 'no key for an LLM endpoint is set', {
      fix: 'set FEEDTRIAL_LLM_KEY, and FEEDTRIAL_LLM_URL for another endpoint than OpenAI; any word does where it wants no key',
      exitCode: EXIT.usage,
    }),
  badKey: (url: string, said: string) =>
    new FeedtrialError('FT_LLM_KEY', `${url} refuses the key: ${said}`, {
      fix: 'check FEEDTRIAL_LLM_KEY, and that it may use this model',
    }),
  badModel: (url: string, model: string, said: string) =>
    new FeedtrialError('FT_LLM_MODEL', `${url} has no model '${model}': ${said}`, {
      fix: 'set FEEDTRIAL_LLM_MODEL to one that it has, and its version in seeds/labelers.csv, which doctor prints',
    }),
  quota: (said: string) =>
    new FeedtrialError('FT_LLM_QUOTA', `the account at the LLM endpoint has no credit left: ${said}`, {
      fix: 'add credit, or wait for the next month of its plan',
    }),
  ceiling: (what: 'run' | 'day', usd: number, ceiling: number) =>
    new FeedtrialError(
      'FT_LLM_CEILING',
      `the next request could take this ${what} to $${usd.toFixed(4)}, and $${ceiling} is its ceiling`,
      {
        fix: `raise FEEDTRIAL_LLM_MAX_USD_${what.toUpperCase()}, or run it again ${what === 'run' ? '' : 'tomorrow (UTC)'}; what was labelled is kept`.replace(
          'again ;',
          'again;',
        ),
        exitCode: EXIT.partial,
      },
    ),
  tooFast: (said: string) =>
    new FeedtrialError('FT_LLM_RATE', `the LLM endpoint keeps answering that it is asked too fast: ${said}`, {
      fix: 'lower FEEDTRIAL_LLM_CONCURRENCY, or ask it later; those posts keep their attempts',
      exitCode: EXIT.partial,
    }),
  down: (requests: number, last: string) =>
    new FeedtrialError(
      'FT_LLM_DOWN',
      `the LLM endpoint failed on ${requests} requests in a row, the last time with: ${last}`,
      {
        fix: 'run it again later; those posts keep their attempts',
      },
    ),
  batchState: (file: string, detail: string, cause?: unknown) =>
    new FeedtrialError(
      'FT_LLM_BATCH_STATE',
      `${file}, which says what a batch is about, can't be read: ${detail}`,
      {
        fix: 'restore it from a backup; if it is removed, its posts are asked about, and paid for, again',
        cause,
      },
    ),
};
