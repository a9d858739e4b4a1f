import { EXIT, FeedtrialError } from '../errors/index.ts';

export const backupErrors = {
  nowhere: () =>
    new FeedtrialError('FT_BACKUP_NOWHERE', 'no folder to back up to', {
      fix: 'set FEEDTRIAL_BACKUP, or give --to FOLDER: on another disk, or better on another machine',
      exitCode: EXIT.usage,
    }),
  tool: (tool: string, why: string, cause: unknown) =>
    new FeedtrialError('FT_BACKUP_TOOL', `${tool} failed: ${why}`, {
      fix: `see that ${tool} of the server's version is installed and FEEDTRIAL_STUDY_DB is right`,
      cause,
    }),
  notOne: (folder: string, why: string) =>
    new FeedtrialError('FT_BACKUP_BROKEN', `${folder} is not a whole backup: ${why}`, {
      fix: "take another one of the folder's: each is whole by itself",
      exitCode: EXIT.usage,
    }),
  busy: (holder: string) =>
    new FeedtrialError('FT_BACKUP_BUSY', `another backup, or an erasure, is at work there: ${holder}`, {
      fix: 'wait until it has ended, then back up again',
    }),
  there: (what: string) =>
    new FeedtrialError('FT_RESTORE_THERE', `${what} is there already`, {
      fix: 'restore to an empty place, or give --replace: what is there is then moved aside, not removed',
      exitCode: EXIT.usage,
    }),
  atWork: (who: string) =>
    new FeedtrialError('FT_RESTORE_AT_WORK', `${who} is at work on what is to be replaced`, {
      fix: 'stop the server and the schedule first',
    }),
};
