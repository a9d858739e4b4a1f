import { trace } from '@opentelemetry/api';

const ranks = { debug: 10, info: 20, warn: 30, error: 40, silent: 99 } as const;
export type LogLevel = keyof typeof ranks;

let threshold: number = ranks.info;

/** Everything below this level is dropped. */
export function setLogLevel(level: LogLevel): void {
  threshold = ranks[level];
}

type Fields = Record<string, string | number | boolean | null | undefined>;

// Values under these names are never written, whatever a caller hands over.
const secret = /authorization|token|secret|password|api[_-]?key|cookie|jwt/i;

function write(level: Exclude<LogLevel, 'silent'>, message: string, fields: Fields = {}): void {
  if (ranks[level] < threshold) return;
  const safe = Object.fromEntries(
    Object.entries(fields).map(([k, v]) => [k, secret.test(k) ? '[redacted]' : v]),
  );
  const traceId = trace.getActiveSpan()?.spanContext().traceId;
  process.stderr.write(
    `${JSON.stringify({ ts: new Date().toISOString(), level, msg: message, ...safe, ...(traceId ? { trace_id: traceId } : {}) })}\n`,
  );
}

/** Structured log lines on stderr, with the trace they belong to. Values named like secrets are redacted. */
export const log = {
  debug: (message: string, fields?: Fields) => write('debug', message, fields),
  info: (message: string, fields?: Fields) => write('info', message, fields),
  warn: (message: string, fields?: Fields) => write('warn', message, fields),
  error: (message: string, fields?: Fields) => write('error', message, fields),
};
