/** Why a fetch gave nothing, beyond what its status says. */
export type FetchProblem = 'private_address' | 'redirected' | 'timeout' | 'too_big' | 'cut_off';

/** An answer that is not what was asked for: `transient` says whether asking again may help. */
export class FetchFailure extends Error {
  readonly transient: boolean;
  readonly status: number | null;
  /** The server was reached and answered. */
  readonly answered: boolean;
  readonly problem: FetchProblem | null;

  constructor(
    message: string,
    about: { transient: boolean; status?: number; problem?: FetchProblem; cause?: unknown },
  ) {
    super(message, about.cause === undefined ? undefined : { cause: about.cause });
    this.name = 'FetchFailure';
    this.transient = about.transient;
    this.status = about.status ?? null;
    this.answered = about.status !== undefined;
    this.problem = about.problem ?? null;
  }
}
