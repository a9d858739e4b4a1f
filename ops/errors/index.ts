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

const refusals: Record<string, { code: `FT_${string}`; says: string; fix: string }> = {
  ENOSPC: {
    code: 'FT_DISK_FULL',
    says: 'the disk is full',
    fix: "free some room there; 'feedtrial status' says where spool, lake and warehouse are. What was sealed stays, and the same command goes on from it",
  },
  EDQUOT: {
    code: 'FT_DISK_FULL',
    says: 'the quota of this user is used up',
    fix: 'free some room there or have the quota raised; then run the same command again',
  },
  EROFS: {
    code: 'FT_DISK_READ_ONLY',
    says: 'the file system can only be read',
    fix: 'mount it for writing, or name another folder in the setting that this one comes from; a disk that failed becomes so by itself',
  },
  EACCES: {
    code: 'FT_FILE_DENIED',
    says: 'this user may not use the file or folder',
    fix: 'run as the user that the study belongs to, or give that folder to this one',
  },
  EMFILE: {
    code: 'FT_TOO_MANY_FILES',
    says: 'this process may open no more files',
    fix: "raise its limit ('ulimit -n', or LimitNOFILE in the systemd unit) to 65536",
  },
};

/** What the operating system refuses, as an error of ours that says what to do; any other thrown value as it is. */
export function systemError(error: unknown): unknown {
  if (error instanceof FeedtrialError || !(error instanceof Error)) return error;
  const { code = '', path, syscall } = error as NodeJS.ErrnoException;
  const known = refusals[code];
  if (known === undefined) return error;
  const where = path ?? (syscall === undefined ? 'while writing' : `at '${syscall}'`);
  return new FeedtrialError(known.code, `${known.says}: ${where} (${code})`, {
    fix: known.fix,
    cause: error,
  });
}

/** A word of any thrown value, without a stack: for log lines, run records and reasons in Parquet. */
export function describeError(thrown: unknown): string {
  const error = systemError(thrown);
  if (error instanceof FeedtrialError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
