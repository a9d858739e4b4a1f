import { EXIT, FeedtrialError } from '../errors/index.ts';

export const alertErrors = {
  nowhere: () =>
    new FeedtrialError('FT_ALERTS_NOWHERE', 'there is nobody to notify', {
      fix: 'set FEEDTRIAL_ALERT_WEBHOOK to a URL, FEEDTRIAL_ALERT_COMMAND to a command that mails its input, or both',
      exitCode: EXIT.usage,
    }),
  notSent: (how: string, why: string, cause?: unknown) =>
    new FeedtrialError('FT_ALERTS_NOT_SENT', `the ${how} did not take the alerts: ${why}`, {
      fix: 'correct it and run the command again: what nobody was told of is told then',
      cause,
    }),
};
