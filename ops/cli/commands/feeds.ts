import { readFile } from 'node:fs/promises';
import type { Config } from '../../config/index.ts';
import { EXIT, FeedtrialError } from '../../errors/index.ts';
import type { Register } from '../command.ts';
import { isoTime, withStore } from './study/with-store.ts';

interface RegisterFlags {
  name: string;
  description?: string;
  avatar?: string;
  interactions: boolean;
  handle?: string;
  resolver?: string;
  study?: string;
}

function publisherOf(config: Config, handle: string | undefined) {
  const identifier = handle ?? config.publisherDid;
  if (identifier === undefined || config.publisherPassword === undefined)
    throw new FeedtrialError('FT_SERVE_PUBLISHER', 'the account that publishes the feed is not known', {
      fix: 'set FEEDTRIAL_PUBLISHER_DID (or give --handle) and FEEDTRIAL_PUBLISHER_PASSWORD, an app password of it',
      exitCode: EXIT.usage,
    });
  return { identifier, password: config.publisherPassword };
}

export const register: Register = (program, run) => {
  const feeds = program.command('feeds').description("the feed's record, by which the app finds it");

  feeds
    .command('register')
    .description('publish the record of the feed, one for all arms; again replaces it')
    .requiredOption('--name <text>', 'name that readers see, at most 24 characters')
    .option('--description <text>', 'what readers are told, at most 300 characters; the same for every arm')
    .option('--avatar <file>', 'PNG or JPEG of at most 1 MB')
    .option('--no-interactions', 'the app need not report what readers saw and did')
    .option('--handle <handle>', 'account that publishes (default: FEEDTRIAL_PUBLISHER_DID)')
    .option('--resolver <url>', "service that resolves the handle (default: Bluesky's public AppView)")
    .option('--study <name>', 'study (default: FEEDTRIAL_STUDY)')
    .action((flags: RegisterFlags) =>
      run(async ({ config, say, result }) => {
        const { registerFeed } = await import('../../../serve/index.ts');
        const registered = await withStore(config, async (_part, store) =>
          registerFeed(store, {
            publisher: publisherOf(config, flags.handle),
            displayName: flags.name,
            description: flags.description,
            avatar: flags.avatar === undefined ? undefined : await readFile(flags.avatar),
            acceptsInteractions: flags.interactions,
            ...(flags.resolver === undefined ? {} : { resolverUrl: flags.resolver }),
            ...(flags.study === undefined ? {} : { study: flags.study }),
          }),
        );
        say(`registered ${registered.uri}, served by ${registered.serviceDid}`);
        if (registered.problem !== null)
          process.stderr.write(`readers do not get it yet: ${registered.problem}\n`);
        result(registered);
        return registered.problem === null ? EXIT.done : EXIT.partial;
      }),
    );

  feeds
    .command('unregister')
    .description('take the record of the feed away')
    .option('--handle <handle>', 'account that published (default: FEEDTRIAL_PUBLISHER_DID)')
    .option('--resolver <url>', "service that resolves the handle (default: Bluesky's public AppView)")
    .action((flags: { handle?: string; resolver?: string }) =>
      run(async ({ config, say, result }) => {
        const { unregisterFeed } = await import('../../../serve/index.ts');
        const gone = await withStore(config, (_part, store) =>
          unregisterFeed(store, {
            publisher: publisherOf(config, flags.handle),
            ...(flags.resolver === undefined ? {} : { resolverUrl: flags.resolver }),
          }),
        );
        say(`${gone.uri} is no feed any more`);
        result(gone);
        return EXIT.done;
      }),
    );

  feeds
    .command('list')
    .description('which feeds were registered from this store')
    .action(() =>
      run(async ({ config, say, result }) => {
        const { listFeeds } = await import('../../../serve/index.ts');
        const all = await withStore(config, (_part, store) => listFeeds(store));
        for (const each of all)
          say(
            `${each.uri}  ${each.display_name}  ${each.service_did}  ${isoTime(each.registered_us)}  ${each.unregistered_us === null ? 'registered' : `taken away ${isoTime(each.unregistered_us)}`}`,
          );
        say(`${all.length} feeds`);
        result(all);
        return EXIT.done;
      }),
    );
};
