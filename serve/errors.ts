import { EXIT, FeedtrialError } from '../ops/errors/index.ts';

/** What stops the server from starting. */
export const serveErrors = {
  portInUse: (host: string, port: number, cause: unknown) =>
    new FeedtrialError('FT_SERVE_PORT_IN_USE', `another process listens on ${host}:${port}`, {
      fix: "stop it, or give another port: 'feedtrial serve --port N' (0 picks a free one)",
      exitCode: EXIT.usage,
      cause,
    }),
  portDenied: (host: string, port: number, cause: unknown) =>
    new FeedtrialError('FT_SERVE_ADDRESS', `this user may not listen on ${host}:${port}`, {
      fix: 'choose a port above 1023 and an address of this machine (FEEDTRIAL_HOST, --port)',
      exitCode: EXIT.usage,
      cause,
    }),
  badFeed: (detail: string) =>
    new FeedtrialError('FT_SERVE_FEED', `the feed can not be registered so: ${detail}`, {
      fix: 'shorten the text, or give another picture',
      exitCode: EXIT.usage,
    }),
  publisher: (detail: string, cause: unknown) =>
    new FeedtrialError(
      'FT_SERVE_PUBLISHER',
      `the account that publishes the feed can not be used: ${detail}`,
      {
        fix: 'check FEEDTRIAL_PUBLISHER_DID (or --handle) and FEEDTRIAL_PUBLISHER_PASSWORD, an app password of that account',
        cause,
      },
    ),
  tooManyServers: (folder: string) =>
    new FeedtrialError('FT_SERVE_WRITERS', `too many feed servers write to ${folder}`, {
      fix: 'stop some of them, or give each machine its own FEEDTRIAL_SPOOL',
    }),
};

/** An answer that refuses a request, as XRPC wants it: `{error, message}` with a status. */
export class XrpcError extends Error {
  readonly status: number;
  readonly error: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, error: string, message: string, retryAfterSeconds?: number) {
    super(message);
    this.name = 'XrpcError';
    this.status = status;
    this.error = error;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export const invalidRequest = (message: string) => new XrpcError(400, 'InvalidRequest', message);
export const unauthorized = (error: string, message: string) => new XrpcError(401, error, message);
export const unavailable = (message: string) => new XrpcError(503, 'Unavailable', message, 1);
export const forbidden = (message: string) => new XrpcError(403, 'Forbidden', message);
export const tooMany = (retryAfterSeconds: number) =>
  new XrpcError(429, 'RateLimitExceeded', 'too many requests: ask again later', retryAfterSeconds);
