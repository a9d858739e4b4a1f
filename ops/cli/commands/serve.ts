import { InvalidArgumentError } from 'commander';
import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

function parsePort(value: string): number {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError('a port is a whole number from 0 to 65535');
  return port;
}

export const register: Register = (program, run) => {
  program
    .command('serve')
    .description('serve the feeds of the generation in force, until Ctrl-C')
    .option('--port <port>', 'port to listen on; 0 picks a free one (default: FEEDTRIAL_PORT)', parsePort)
    .action((options: { port?: number }) =>
      run(async ({ config, signal, say, result }) => {
        const { serve } = await import('../../../serve/index.ts');
        await serve({
          config,
          signal,
          ...(options.port === undefined ? {} : { port: options.port }),
          onListening: (server) => {
            const { url, port, feedUri, generation, feeds } = server;
            const skeleton = `${url}/xrpc/app.bsky.feed.getFeedSkeleton?feed=${encodeURIComponent(feedUri)}`;
            result({ url, port, feed: feedUri, skeleton, generation, feeds });
            say(`serving   ${feedUri}`);
            say(`at        ${skeleton}`);
            say(
              generation === null
                ? "feeds     none yet: readers get an empty feed and /ready says 503; publish with 'feedtrial rank'"
                : `feeds     ${feeds} of generation ${generation}`,
            );
            say('ends with Ctrl-C');
          },
        });
        return EXIT.done;
      }),
    );
};
