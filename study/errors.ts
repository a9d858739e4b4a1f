import { EXIT, FeedtrialError } from '../ops/errors/index.ts';

export const studyErrors = {
  calibration: (file: string, detail: string) =>
    new FeedtrialError('FT_STUDY_CALIBRATION', `${file} can not be used as calibration data: ${detail}`, {
      fix: 'give a CSV file with a row a day and a column avg_prob_<label>, or with a row a post and a column prob_<label>',
      exitCode: EXIT.usage,
    }),
  powerOption: (name: string, value: string, expected: string) =>
    new FeedtrialError('FT_STUDY_POWER', `--${name} is '${value}'`, {
      fix: `give ${expected}`,
      exitCode: EXIT.usage,
    }),
  frozenAlready: (study: string, sha256: string) =>
    new FeedtrialError('FT_STUDY_FROZEN', `study '${study}' is frozen already, as ${sha256}`, {
      fix: "what changes from here on is recorded by 'feedtrial study amend --reason TEXT'",
      exitCode: EXIT.usage,
    }),
  notFrozen: (study: string) =>
    new FeedtrialError('FT_STUDY_NOT_FROZEN', `study '${study}' was never frozen`, {
      fix: "run 'feedtrial study freeze' before the first person is enrolled",
      exitCode: EXIT.usage,
    }),
  nothingToAmend: (study: string) =>
    new FeedtrialError('FT_STUDY_UNCHANGED', `nothing that study '${study}' promised has changed`, {
      fix: 'make the change first, then record it with its reason',
      exitCode: EXIT.usage,
    }),
  noReason: () =>
    new FeedtrialError('FT_STUDY_REASON', 'an amendment needs a reason', {
      fix: "say why in words: --reason 'the labeler closes at the end of the year'",
      exitCode: EXIT.usage,
    }),
  storeUnsupported: (scheme: string) =>
    new FeedtrialError('FT_STUDY_STORE_UNSUPPORTED', `no study store for '${scheme}:' URLs`, {
      fix: 'set FEEDTRIAL_STUDY_DB to the name of a SQLite file, or to a postgres:// URL',
      exitCode: EXIT.usage,
    }),
  storeUnusable: (file: string, cause: unknown) =>
    new FeedtrialError('FT_STUDY_STORE', `the study store ${file} can not be opened`, {
      fix: 'check that FEEDTRIAL_STUDY_DB names a SQLite file that this user may write, or a PostgreSQL database that answers and in which this user may create tables',
      cause,
    }),
  unknownStudy: (study: string, known: readonly string[]) =>
    new FeedtrialError(
      'FT_STUDY_UNKNOWN',
      `there is no study '${study}' (there are: ${known.join(', ') || 'none'})`,
      {
        fix: `create it with 'feedtrial study create ${study}', or set FEEDTRIAL_STUDY`,
        exitCode: EXIT.usage,
      },
    ),
  badStudy: (study: string) =>
    new FeedtrialError('FT_STUDY_NAME', `'${study}' can not name a study`, {
      fix: 'use lower-case letters, digits and hyphens, at most 63',
      exitCode: EXIT.usage,
    }),
  seedTaken: (study: string) =>
    new FeedtrialError('FT_STUDY_SEED', `study '${study}' was created with another seed`, {
      fix: 'a seed is fixed when the study is created: leave it out, or create another study',
      exitCode: EXIT.usage,
    }),
  badDid: (did: string) =>
    new FeedtrialError('FT_STUDY_DID', `'${did}' is not a DID of an account`, {
      fix: "give 'did:plc:' and 24 letters or digits, or 'did:web:' and a host name",
      exitCode: EXIT.usage,
    }),
  badHandle: (handle: string) =>
    new FeedtrialError('FT_STUDY_HANDLE', `'${handle}' is not a handle`, {
      fix: "give a handle such as 'name.bsky.social', without '@'",
      exitCode: EXIT.usage,
    }),
  handleUnresolved: (handle: string, detail: string, cause?: unknown) =>
    new FeedtrialError('FT_STUDY_HANDLE_UNRESOLVED', `handle '${handle}' leads to no account: ${detail}`, {
      fix: 'check the spelling, try again later, or enrol the account by its DID',
      cause,
    }),
  badStratum: (stratum: string) =>
    new FeedtrialError('FT_STUDY_STRATUM', `'${stratum.slice(0, 80)}' can not name a stratum`, {
      fix: 'use 1 to 64 letters, digits, dots, hyphens and underscores',
      exitCode: EXIT.usage,
    }),
  otherStratum: (participant: string, enrolled: string, asked: string) =>
    new FeedtrialError(
      'FT_STUDY_STRATUM_FIXED',
      `participant ${participant} was enrolled in stratum '${enrolled}', not '${asked}'`,
      {
        fix: 'stratum and arm are fixed at enrolment: leave the stratum out, or give the same',
        exitCode: EXIT.usage,
      },
    ),
  withdrawn: (participant: string) =>
    new FeedtrialError('FT_STUDY_WITHDRAWN', `participant ${participant} has withdrawn from the study`, {
      fix: 'who has withdrawn is not enrolled again',
    }),
  notEnrolled: (who: string) =>
    new FeedtrialError('FT_STUDY_NOT_ENROLLED', `${who} is not in the study`, {
      fix: "see who is with 'feedtrial study list'",
      exitCode: EXIT.usage,
    }),
  nobody: () =>
    new FeedtrialError('FT_STUDY_NOBODY', 'nobody was named', {
      fix: 'give --did, --handle or --file',
      exitCode: EXIT.usage,
    }),
  badArms: (detail: string) =>
    new FeedtrialError('FT_STUDY_ARMS', `seeds/arms.csv is not usable: ${detail}`, {
      fix: "give each arm a row with 'arm', 'weight' (a whole number) and 'status' (open or closed)",
      exitCode: EXIT.usage,
    }),
  noOpenArm: () =>
    new FeedtrialError('FT_STUDY_ARMS_CLOSED', 'every arm of seeds/arms.csv is closed', {
      fix: "set 'status' of at least one arm with a weight to 'open'; nobody can be enrolled before",
      exitCode: EXIT.usage,
    }),
  badWaves: (detail: string) =>
    new FeedtrialError('FT_STUDY_WAVES', `seeds/enrolment_waves.csv can not be used: ${detail}`, {
      fix: 'correct the row; seeds/enrolment_waves.yml says what each column holds',
      exitCode: EXIT.usage,
    }),
  noWave: (next: string | null) =>
    new FeedtrialError(
      'FT_STUDY_NO_WAVE',
      `nobody is enrolled now: ${next === null ? 'the last wave is over' : `the next wave begins at ${next}`}`,
      {
        fix: "enrol in a wave's days, or give seeds/enrolment_waves.csv another wave",
        exitCode: EXIT.usage,
      },
    ),
  badCsv: (file: string, detail: string) =>
    new FeedtrialError('FT_STUDY_CSV', `${file} can not be read as people to enrol: ${detail}`, {
      fix: "give a CSV file whose first line names the columns 'did' or 'handle', and 'stratum' if there are strata",
      exitCode: EXIT.usage,
    }),
  badPanelId: (panelId: string) =>
    new FeedtrialError('FT_STUDY_PANEL_ID', `'${panelId}' can not be a panel id`, {
      fix: 'use 1 to 128 letters, digits and signs, without spaces',
      exitCode: EXIT.usage,
    }),
  panelIdTaken: (participant: string) =>
    new FeedtrialError(
      'FT_STUDY_PANEL_ID',
      `this panel id is participant ${participant}'s, of another account`,
      {
        fix: 'a panel id is one person: check which account is theirs',
        exitCode: EXIT.usage,
      },
    ),
  panelIdFixed: (participant: string) =>
    new FeedtrialError('FT_STUDY_PANEL_ID', `participant ${participant} has another panel id`, {
      fix: 'a panel id is fixed once it is given: leave it out, or give the same',
      exitCode: EXIT.usage,
    }),
  badConsent: (detail: string) =>
    new FeedtrialError('FT_STUDY_CONSENT', `this is no consent: ${detail}`, {
      fix: "give the version of the text that they agreed to, and when, such as '2' and '2026-07-04T12:00:00Z'",
      exitCode: EXIT.usage,
    }),
  badWave: (file: string, detail: string) =>
    new FeedtrialError('FT_STUDY_WAVE', `${file} can not be read as a survey wave: ${detail}`, {
      fix: "give a CSV file whose first line names the columns 'panel_id' and 'completed_at', and whatever was asked",
      exitCode: EXIT.usage,
    }),
  badScope: (scope: string, known: readonly string[]) =>
    new FeedtrialError('FT_STUDY_SCOPE', `there is no scope '${scope}'`, {
      fix: `give one or more of: ${known.join(', ')}`,
      exitCode: EXIT.usage,
    }),
  unknownKey: (key: string) =>
    new FeedtrialError('FT_STUDY_KEY', `there is no key '${key}' in this study`, {
      fix: "see which there are with 'feedtrial study key list'",
      exitCode: EXIT.usage,
    }),
  jobHeld: (job: string, holder: string, until: string) =>
    new FeedtrialError(
      'FT_STUDY_JOB_HELD',
      `'${job}' is under way: ${holder}, until ${until} at the latest`,
      {
        fix: 'wait until it has ended, then try again',
      },
    ),
  badReceipt: (detail: string, cause?: unknown) =>
    new FeedtrialError('FT_STUDY_RECEIPT', `this receipt does not hold: ${detail}`, {
      fix: "give the file that 'feedtrial study erase' wrote, unchanged, and the configuration of its study",
      cause,
    }),
  eraseOpen: (files: readonly string[]) =>
    new FeedtrialError(
      'FT_STUDY_ERASE_OPEN',
      `still being written: ${files.slice(0, 3).join(', ')}${files.length > 3 ? ` and ${files.length - 3} more` : ''}`,
      {
        fix: 'stop capture, enrichment or the server that writes there, then erase again: it goes on where it stopped',
      },
    ),
  erasePlan: () =>
    new FeedtrialError('FT_STUDY_ERASE_LANDING', 'an earlier landing was not finished', {
      fix: "run 'feedtrial land', then erase again: it goes on where it stopped",
    }),
  eraseBusy: (what: string, holder: string) =>
    new FeedtrialError('FT_STUDY_ERASE_BUSY', `${what} is under way: ${holder}`, {
      fix: 'wait until it has ended, then erase again: it goes on where it stopped',
    }),
  eraseFound: (found: readonly string[]) =>
    new FeedtrialError(
      'FT_STUDY_ERASE_FOUND',
      `the account is still named in ${found.length} files: ${found.slice(0, 5).join(', ')}`,
      {
        fix: 'erase again: it goes on where it stopped. If the same files stay, remove them by hand, then erase again',
      },
    ),
};
