import { Command } from 'commander';
import { loadConfig } from '../config/index.ts';
import { EXIT, FeedtrialError, describeError, systemError, type ExitCode } from '../errors/index.ts';
import { silenceProgress } from '../progress/index.ts';
import { redact, startTelemetry } from '../telemetry/index.ts';
import type { CommandContext, RunCommand } from './command.ts';
import { commands } from './commands/index.ts';
import { loadEnvFile } from './env-file.ts';
import { globalOptions } from './global-options.ts';

const program = new Command('feedtrial')
  .description('Field experiments on Bluesky feeds: capture, land, transform, enrich, rank, serve.')
  .version('0.1.0')
  .showHelpAfterError("(run the command with '--help' for its options)")
  .configureHelp({ showGlobalOptions: true })
  .exitOverride((error) => {
    // commander's own code for "help was shown" is 0; every wrong use is 2 here
    process.exit(error.exitCode === 0 ? EXIT.done : EXIT.usage);
  });

for (const option of globalOptions) program.addOption(option);

function printError(thrown: unknown, json: boolean): ExitCode {
  const error = systemError(thrown);
  const code = error instanceof FeedtrialError ? error.code : 'FT_UNEXPECTED';
  const fix = error instanceof FeedtrialError ? error.fix : undefined;
  const message = redact(describeError(error));
  if (json) console.log(JSON.stringify({ error: { code, message, fix: fix ?? null } }));
  process.stderr.write(`${error instanceof FeedtrialError ? message : `FT_UNEXPECTED: ${message}`}\n`);
  if (fix) process.stderr.write(`  fix: ${fix}\n`);
  if (!(error instanceof FeedtrialError) && error instanceof Error && error.stack)
    process.stderr.write(`${redact(error.stack)}\n`);
  return error instanceof FeedtrialError ? error.exitCode : EXIT.failed;
}

/** With FEEDTRIAL_ENDS_WITH_PARENT a command stops when whoever started it is gone, as by SIGTERM: nothing goes on unseen. */
function endWithParent(stop: () => void): void {
  if (process.env.FEEDTRIAL_ENDS_WITH_PARENT !== '1') return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) stop();
  }, 500).unref();
}

const run: RunCommand = async (work) => {
  const { json = false, env } = program.opts<{ json?: boolean; env?: string }>();
  if (json) silenceProgress();
  const stop = new AbortController();
  const onSignal = (): void => {
    stop.abort();
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  endWithParent(onSignal);
  let exitCode: ExitCode;
  let telemetry: Awaited<ReturnType<typeof startTelemetry>> | undefined;
  try {
    loadEnvFile(env);
    const config = loadConfig();
    telemetry = await startTelemetry(config);
    const context: CommandContext = {
      config,
      json,
      signal: stop.signal,
      say: (line) => {
        if (!json) console.log(line);
      },
      result: (value) => {
        if (json) console.log(JSON.stringify(value, null, 2));
      },
    };
    exitCode = await work(context);
  } catch (error) {
    exitCode = printError(error, json);
  } finally {
    await telemetry?.shutdown();
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
  process.exitCode = exitCode;
  // A handle that a library left open must not keep a finished command alive.
  setTimeout(() => process.exit(exitCode), 2_000).unref();
};

for (const register of commands) register(program, run);
await program.parseAsync();
