import type { Command } from 'commander';
import type { Config } from '../config/index.ts';
import type { ExitCode } from '../errors/index.ts';

/** What every command is given. */
export interface CommandContext {
  config: Config;
  /** True with `--json`: the command prints one JSON document to stdout and nothing else there. */
  json: boolean;
  /** Aborted on SIGINT and SIGTERM: the command seals, drains or finishes its step, then returns. */
  signal: AbortSignal;
  /** Prints a line for a person; with `--json` it is dropped. */
  say: (line: string) => void;
  /** The command's result; printed as JSON with `--json`, dropped otherwise. */
  result: (value: unknown) => void;
}

/** Wraps a command's work: loads the configuration, starts telemetry, maps errors to exit codes. */
export type RunCommand = (work: (context: CommandContext) => Promise<ExitCode>) => Promise<void>;

/**
 * A command's file, `ops/cli/commands/<name>.ts`, exports `register`. It declares the options and, inside `.action`,
 * imports the part that does the work (so that `--help` stays fast) and calls it through `run`.
 */
export type Register = (program: Command, run: RunCommand) => void;
