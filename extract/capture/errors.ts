import { EXIT, FeedtrialError } from '../../ops/errors/index.ts';

export const captureErrors = {
  unknownSource: (source: string) =>
    new FeedtrialError('FT_CAPTURE_SOURCE', `'${source}' is not a source that capture knows`, {
      fix: "use 'firehose', 'jetstream' or 'moderation'",
      exitCode: EXIT.usage,
    }),
  badUrl: (url: string) =>
    new FeedtrialError('FT_CAPTURE_URL', `'${url}' is not the address of a stream`, {
      fix: 'give a ws://, wss://, http:// or https:// URL',
      exitCode: EXIT.usage,
    }),
  badOption: (name: string, expected: string, got: unknown) =>
    new FeedtrialError('FT_CAPTURE_OPTION', `${name} must be ${expected}, got '${String(got)}'`, {
      fix: "see 'feedtrial capture --help'",
      exitCode: EXIT.usage,
    }),
  noDictionary: (file: string, cause: unknown) =>
    new FeedtrialError('FT_CAPTURE_DICTIONARY', `the zstd dictionary '${file}' can't be read`, {
      fix: "give the file that the Jetstream server's operator publishes, or leave --zstd-dictionary out",
      exitCode: EXIT.usage,
      cause,
    }),
  locked: (stream: string, holder: string) =>
    new FeedtrialError('FT_CAPTURE_LOCKED', `another capture writes the stream '${stream}': ${holder}`, {
      fix: 'stop it first, take over from it (--take-over), or give this one a spool of its own (FEEDTRIAL_SPOOL)',
    }),
  leased: (stream: string, holder: string) =>
    new FeedtrialError('FT_CAPTURE_LEASED', `another capture has the lease on '${stream}': ${holder}`, {
      fix: 'stop it first, take over from it (--take-over), or capture without --lease: what two take twice is folded',
    }),
  notTakenOver: (stream: string, waitedMs: number, cause: Error) =>
    new FeedtrialError(
      'FT_CAPTURE_LOCKED',
      `the stream '${stream}' was not let go within ${waitedMs / 1000} s: ${cause.message}`,
      { fix: 'stop the capture that has it by hand, then start this one again', cause },
    ),
  spoolFailed: (cause: unknown) =>
    new FeedtrialError('FT_CAPTURE_SPOOL', 'the spool could not be written; nothing acknowledged is lost', {
      fix: "look at the spool's disk, then start capture again: it goes on from what is durable",
      cause,
    }),
  workerDied: (cause: unknown) =>
    new FeedtrialError('FT_CAPTURE_WORKER', 'a verifying thread died', {
      fix: 'start capture again: it goes on from what is durable; FEEDTRIAL_VERIFY_WORKERS=0 shows the failure in the main thread',
      cause,
    }),
};
