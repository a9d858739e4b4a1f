import { EXIT, FeedtrialError } from '../errors/index.ts';

export const demoErrors = {
  usage: (message: string, cause?: unknown) =>
    new FeedtrialError('FT_DEMO_USAGE', message, {
      fix: 'run npm run demo -- --help',
      exitCode: EXIT.usage,
      cause,
    }),
  running: (pid: number) =>
    new FeedtrialError('FT_DEMO_RUNNING', `a demo is running already as process ${pid}`, {
      fix: 'stop it with Ctrl-C and start again',
      exitCode: EXIT.usage,
    }),
  refused: (status: number, answer: string) =>
    new FeedtrialError('FT_DEMO_FEED', `the feed server answered ${status}: ${answer.slice(0, 300)}`, {
      fix: 'the answer says what it did not like',
    }),
  noGeneration: () =>
    new FeedtrialError('FT_DEMO_NO_GENERATION', 'no generation has been published', {
      fix: 'look at the stages above for what stopped ranking',
    }),
  stageFailed: (stage: string, reason: string | null) =>
    new FeedtrialError('FT_DEMO_STAGE', `${stage} did not succeed: ${reason ?? 'no reason was given'}`, {
      fix: 'the reason names the part; .demo/ holds what was made so far',
    }),
  nothingCaptured: (url: string) =>
    new FeedtrialError('FT_DEMO_NOTHING', `nothing came from ${url}`, {
      fix: 'look whether that address can be reached from here, or set FEEDTRIAL_JETSTREAM_URL to another server',
    }),
  notEnrolled: (failed: number) =>
    new FeedtrialError('FT_DEMO_ENROLMENT', `${failed} of the participants could not be enrolled`, {
      fix: 'this is a defect of the demo: please report it',
    }),
};
