import type { Command } from 'commander';
import { EXIT } from '../../../errors/index.ts';
import type { RunCommand } from '../../command.ts';
import { isoTime, named, withStore } from './with-store.ts';

const collect = (value: string, all: string[]): string[] => [...all, value];

/** `study key create|list|revoke`: who may enrol people by the feed server's API. */
export function registerKeys(study: Command, run: RunCommand): void {
  const key = study.command('key').description('keys of the enrolment API');

  key
    .command('create')
    .description('make a key; its token is shown once and kept nowhere')
    .argument('<name>', 'who will hold it')
    .option(
      '--scope <scope>',
      "what it may be used for: enroll, withdraw, read, read:arms (shows arms), preview; may be given several times (default: 'enroll')",
      collect,
      [],
    )
    .option('--study <name>', 'study (default: FEEDTRIAL_STUDY)')
    .action((name: string, flags: { scope: string[]; study?: string }) =>
      run(async ({ config, say, result }) => {
        const { key: made, token } = await withStore(config, async (part, store) => {
          await part.useStudy(store, flags.study);
          const scopes = flags.scope.length > 0 ? flags.scope : ['enroll'];
          return part.createKey(store, { name, scopes, ...named(flags) });
        });
        say(`key ${made.keyId} of ${made.name}: ${made.scopes.join(', ')}`);
        say(`token, shown this once: ${token}`);
        result({ ...made, token });
        return EXIT.done;
      }),
    );

  key
    .command('list')
    .description('which keys there are')
    .option('--study <name>', 'study (default: FEEDTRIAL_STUDY)')
    .action((flags: { study?: string }) =>
      run(async ({ config, say, result }) => {
        const keys = await withStore(config, (part, store) => part.listKeys(store, flags.study));
        for (const each of keys) {
          const state = each.revokedUs === null ? 'valid' : `revoked ${isoTime(each.revokedUs)}`;
          say(
            `${each.keyId}  ${each.name.padEnd(24)}  ${each.scopes.join(',').padEnd(24)}  ${isoTime(each.createdUs)}  ${state}`,
          );
        }
        say(`${keys.length} keys`);
        result(keys);
        return EXIT.done;
      }),
    );

  key
    .command('revoke')
    .description('end a key, at once and for good')
    .argument('<key>', "its id, as 'study key list' shows it")
    .option('--study <name>', 'study (default: FEEDTRIAL_STUDY)')
    .action((keyId: string, flags: { study?: string }) =>
      run(async ({ config, say, result }) => {
        await withStore(config, (part, store) => part.revokeKey(store, { keyId, ...named(flags) }));
        say(`key ${keyId} is of no use any more`);
        result({ keyId, revoked: true });
        return EXIT.done;
      }),
    );
}
