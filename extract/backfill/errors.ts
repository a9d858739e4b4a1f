import { EXIT, FeedtrialError } from '../../ops/errors/index.ts';

export const backfillErrors = {
  busy: (holder: string) =>
    new FeedtrialError('FT_BACKFILL_BUSY', `another backfill writes to this spool: ${holder}`, {
      fix: 'let it end, or give this one a spool of its own (FEEDTRIAL_SPOOL)',
    }),
  spool: (cause: unknown) =>
    new FeedtrialError('FT_BACKFILL_SPOOL', `the spool can't be written: ${(cause as Error).message}`, {
      fix: 'check the disk, then run the same command again: it goes on where it stopped, and what was half written is taken out',
      cause,
    }),
  nobody: (what: string, fix: string) =>
    new FeedtrialError('FT_BACKFILL_NOBODY', `there is nothing to backfill: ${what}`, {
      fix,
      exitCode: EXIT.usage,
    }),
  badDid: (text: string) =>
    new FeedtrialError('FT_BACKFILL_DID', `'${text}' is not a DID`, {
      fix: "give DIDs such as did:plc:z72i7hdynmk6r22z27h6tvur; 'feedtrial study enroll' takes handles",
      exitCode: EXIT.usage,
    }),
  noFile: (file: string, cause: unknown) =>
    new FeedtrialError('FT_BACKFILL_FILE', `${file} can't be read: ${(cause as Error).message}`, {
      fix: 'give the path of a repository that was exported as a CAR file',
      exitCode: EXIT.usage,
      cause,
    }),
  carRefused: (file: string, reason: string, detail: string) =>
    new FeedtrialError('FT_BACKFILL_CAR', `${file} is not taken: ${reason}: ${detail}`, {
      fix: 'export the repository again; nothing of this file was written',
    }),
  unverified: (file: string, did: string, detail: string) =>
    new FeedtrialError(
      'FT_BACKFILL_UNVERIFIED',
      `${file} is a repository of ${did}, whose signing key can't be had: ${detail}`,
      {
        fix: '--allow-unverified takes it all the same; its rows then say that nobody has checked who signed them',
      },
    ),
  noQueue: (name: string) =>
    new FeedtrialError('FT_BACKFILL_QUEUE', `there is no ${name} queue yet`, {
      fix: "run 'feedtrial transform' first, which publishes it",
      exitCode: EXIT.usage,
    }),
  badWindow: (detail: string) =>
    new FeedtrialError('FT_BACKFILL_WINDOW', detail, {
      fix: 'give two moments in the past, the earlier first, such as 2026-07-04T12:00:00Z 2026-07-04T14:00:00Z',
      exitCode: EXIT.usage,
    }),
  badUrl: (text: string) =>
    new FeedtrialError('FT_BACKFILL_URL', `'${text}' is not the address of a server`, {
      fix: 'give it as https://host or wss://host',
      exitCode: EXIT.usage,
    }),
};
