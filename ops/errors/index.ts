/** Exit codes of the `feedtrial` binary, the same for every command. */
export const EXIT = { done: 0, failed: 1, usage: 2, partial: 3, refused: 4 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface FeedtrialErrorOptions {
  /** What the reader of the message should do next; printed on a line of its own. */
  fix?: string;
  exitCode?: ExitCode;
  cause?: unknown;
}

/**
 * Base of every error that Feedtrial raises on purpose. Parts declare theirs in their own `errors.ts`, each with a code
 * `FT_<PART>_<WHAT>`, a message that says what was expected and what came, and a `fix` that says what to do.
 */
export class FeedtrialError extends Error {
  readonly code: string;
  readonly fix: string | undefined;
  readonly exitCode: ExitCode;

  constructor(code: `FT_${string}`, message: string, options: FeedtrialErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'FeedtrialError';
    this.code = code;
    this.fix = options.fix;
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/** A word of any thrown value, without a stack: for log lines, run records and reasons in Parquet. */
export function describeError(error: unknown): string {
  if (error instanceof FeedtrialError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
