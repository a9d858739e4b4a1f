import { InvalidArgumentError } from 'commander';
import { EXIT } from '../../errors/index.ts';
import type { Register } from '../command.ts';

const wholeNumber =
  (most: number, least = 1) =>
  (value: string): number => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most))
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return number;
  };

interface Options {
  port: number;
  plcPort: number;
  rate: number;
  accounts: number;
  events: number;
  seed: string;
}

export const register: Register = (program, run) => {
  const rehearse = program
    .command('rehearse')
    .description('Doubles of the network on this machine, to try a study on before it begins.');
  rehearse
    .command('relay')
    .description(
      'Serve a synthetic network, signed and provable, as a relay and a DID directory on 127.0.0.1.',
    )
    .option('--port <port>', 'port of the relay; 0 takes any free one', wholeNumber(65_535, 0), 0)
    .option('--plc-port <port>', 'port of the DID directory', wholeNumber(65_535, 0), 0)
    .option('--rate <n>', 'events a second', wholeNumber(100_000), 1_000)
    .option('--accounts <n>', 'accounts of the network', wholeNumber(100_000), 1_000)
    .option(
      '--events <n>',
      'events of the stream, which begins with the first consumer',
      wholeNumber(1e9),
      60_000,
    )
    .option('--seed <seed>', 'the same seed makes the same accounts and draws the same events', 'rehearsal')
    .addHelpText(
      'after',
      `
It ends when all events are sent and the consumers are gone, when nobody comes for ten minutes, or with Ctrl-C. The whole
network at its peak is about 5,000 events a second; one core makes some 4,000 a second.`,
    )
    .action(async (options: Options) =>
      run(async ({ signal, say, result }) => {
        const { rehearseRelay } = await import('../../rehearse/index.ts');
        const rehearsal = await rehearseRelay({
          ...options,
          signal,
          onListening({ relayUrl, plcUrl }) {
            say(`relay          ${relayUrl}`);
            say(`DID directory  ${plcUrl}`);
            say('Ctrl-C stops both. To capture from them, into a spool of its own:');
            say(
              `  FEEDTRIAL_SPOOL=./rehearsal/spool feedtrial capture --source firehose --url ${relayUrl} --plc-url ${plcUrl} --max-events ${options.events} --idle-exit 10`,
            );
          },
        });
        const { emitted, documents, stoppedBy } = rehearsal;
        const why = {
          end: 'all were sent and nobody reads any more',
          signal: 'stopped',
          'no-consumer': 'nobody came',
        }[stoppedBy];
        say(`${emitted} events sent, ${documents} DID documents asked for; ${why}`);
        result(rehearsal);
        return EXIT.done;
      }),
    );
};
