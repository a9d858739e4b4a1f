import { EXIT, FeedtrialError } from '../errors/index.ts';

export const exportErrors = {
  noKey: () =>
    new FeedtrialError(
      'FT_EXPORT_KEY',
      'FEEDTRIAL_EXPORT_KEY is not set: no pseudonym would hold from one export to the next',
      {
        fix: "set it to a secret of this release, such as what 'openssl rand -hex 32' prints, and keep it out of whoever reads the exports",
        exitCode: EXIT.usage,
      },
    ),
  otherKey: (place: string) =>
    new FeedtrialError(
      'FT_EXPORT_OTHER_KEY',
      `'${place}' was exported with another FEEDTRIAL_EXPORT_KEY: its pseudonyms and the new ones would not be the same people's`,
      {
        fix: 'set the key that it was exported with, or give a new release another place by --to',
        exitCode: EXIT.usage,
      },
    ),
  schemaChanged: (model: string, version: number, changes: string[]) =>
    new FeedtrialError(
      'FT_EXPORT_SCHEMA',
      `${model} is not what was exported as version ${version}: ${changes.join('; ')}`,
      {
        fix: `raise export_version to ${version + 1} in models/exports/${model}.yml, so that it stands beside the one before`,
        exitCode: EXIT.refused,
      },
    ),
  notTransformed: () =>
    new FeedtrialError('FT_EXPORT_NOT_TRANSFORMED', 'there is nothing to export yet', {
      fix: "run 'feedtrial transform' first",
    }),
  noModel: (names: string[], known: string[]) =>
    new FeedtrialError('FT_EXPORT_MODEL', `no export is called ${names.join(', ')}`, {
      fix: `take of: ${known.join(', ')}`,
      exitCode: EXIT.usage,
    }),
  noContract: (model: string) =>
    new FeedtrialError(
      'FT_EXPORT_CONTRACT',
      `${model} has no enforced contract: its columns could change without a word`,
      {
        fix: `set 'contract: { enforced: true }' in models/exports/${model}.yml and give every column its data_type`,
      },
    ),
};
