import { trace } from '@opentelemetry/api';
import { SeverityNumber, type Logger } from '@opentelemetry/api-logs';
import { isSecretName, redact } from './redact.ts';

const ranks = { debug: 10, info: 20, warn: 30, error: 40, silent: 99 } as const;
export type LogLevel = keyof typeof ranks;

let threshold: number = ranks.info;

const severities = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
} as const;

let logger: Logger | null = null;

/** Called once telemetry has started: log lines go to it as well, with the span that they were written in. */
export function useLogger(next: Logger | null): void {
  logger = next;
}

/** Everything below this level is dropped. */
export function setLogLevel(level: LogLevel): void {
  threshold = ranks[level];
}

type Fields = Record<string, string | number | boolean | null | undefined>;

const safeValue = (name: string, value: Fields[string]): Fields[string] => {
  if (typeof value !== 'string') return value; // a number is no secret: tokens_in counts tokens
  return isSecretName(name) ? '[redacted]' : redact(value);
};

function write(level: Exclude<LogLevel, 'silent'>, message: string, fields: Fields = {}): void {
  if (ranks[level] < threshold) return;
  const safe = Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, safeValue(k, v)]));
  const attributes = Object.fromEntries(
    Object.entries(safe).filter((entry): entry is [string, string | number | boolean] => entry[1] != null),
  );
  logger?.emit({
    severityNumber: severities[level],
    severityText: level,
    body: redact(message),
    attributes,
  });
  const traceId = trace.getActiveSpan()?.spanContext().traceId;
  process.stderr.write(
    `${JSON.stringify({ ts: new Date().toISOString(), level, msg: redact(message), ...safe, ...(traceId ? { trace_id: traceId } : {}) })}\n`,
  );
}

/** Structured log lines on stderr, with the trace they belong to. Secrets are taken out, by name and by looks. */
export const log = {
  debug: (message: string, fields?: Fields) => write('debug', message, fields),
  info: (message: string, fields?: Fields) => write('info', message, fields),
  warn: (message: string, fields?: Fields) => write('warn', message, fields),
  error: (message: string, fields?: Fields) => write('error', message, fields),
};
