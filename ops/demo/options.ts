import { parseArgs } from 'node:util';
import { demoErrors } from './errors.ts';

export interface DemoOptions {
  /** Capture the public network instead of starting one. */
  live: boolean;
  /** How long to capture the public network. */
  seconds: number;
  /** Stop after printing instead of serving until Ctrl-C. */
  exit: boolean;
  /** Seed of the miniature network. */
  seed: string;
  /** Port of the feed server; 0 picks a free one. */
  port: number;
  help: boolean;
}

export const demoHelp = `npm run demo [-- options]

Runs Feedtrial from capture to served feeds and shows what the arms do differently.

  --exit         stop by itself instead of serving until Ctrl-C
  --seed TEXT    another miniature network (default: feedtrial)
  --live         the public network through Jetstream instead of a miniature one
  --seconds N    how long to capture it (default: 60)
  --port N       port of the feed server; 0 picks a free one (default: 3020, or a free one if that is taken)
`;

/** Port that is tried first where none is asked for. */
export const defaultPort = 3020;

/** @throws FeedtrialError FT_DEMO_USAGE (exit 2) */
export function readOptions(args: string[]): DemoOptions & { portGiven: boolean } {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        live: { type: 'boolean', default: false },
        seconds: { type: 'string' },
        exit: { type: 'boolean', default: false },
        seed: { type: 'string', default: 'feedtrial' },
        port: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    throw demoErrors.usage(error instanceof Error ? error.message : String(error), error);
  }
  const whole = (
    name: string,
    text: string | undefined,
    fallback: number,
    low: number,
    high: number,
  ): number => {
    if (text === undefined) return fallback;
    const value = Number(text);
    if (!Number.isInteger(value) || value < low || value > high)
      throw demoErrors.usage(`--${name} is a whole number from ${low} to ${high}, not '${text}'`);
    return value;
  };
  if (values.seconds !== undefined && !values.live) throw demoErrors.usage('--seconds goes with --live');
  return {
    live: values.live,
    seconds: whole('seconds', values.seconds, 60, 5, 86_400),
    exit: values.exit,
    seed: values.seed,
    port: whole('port', values.port, defaultPort, 0, 65_535),
    portGiven: values.port !== undefined,
    help: values.help,
  };
}
