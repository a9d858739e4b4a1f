import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { projectRoot } from '../../ops/config/config.ts';

const python = path.join(projectRoot, '.services/otlp/bin/python');

/** For tests that need it. */
export const hasOtlp = existsSync(path.join(projectRoot, '.services/otlp/installed'));
export const otlpMissing = "'npm run setup:services -- otlp' installs OTLP's messages";

export interface OtlpSpan {
  name: string;
  /** As text of base64, which is how protobuf writes bytes in JSON. */
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: { key: string; value: Record<string, unknown> }[];
  status?: { code?: string; message?: string };
}

export interface OtlpLog {
  body: { stringValue?: string };
  severityText?: string;
  traceId?: string;
  attributes?: { key: string; value: Record<string, unknown> }[];
}

export interface OtlpMetric {
  name: string;
  unit?: string;
  description?: string;
}

export interface OtlpReceiver {
  url: string;
  spans: OtlpSpan[];
  logs: OtlpLog[];
  metrics: OtlpMetric[];
  /** What did not parse. */
  errors: string[];
  /** Everything that came, as text. */
  lines: string[];
  stop(): Promise<void>;
}

interface Line {
  error?: string;
  resourceSpans?: { scopeSpans?: { spans?: OtlpSpan[] }[] }[];
  resourceLogs?: { scopeLogs?: { logRecords?: OtlpLog[] }[] }[];
  resourceMetrics?: { scopeMetrics?: { metrics?: OtlpMetric[] }[] }[];
}

/** A receiver of OTLP in a process of its own: what it takes has been parsed by OpenTelemetry's own messages. */
export async function startOtlp(): Promise<OtlpReceiver> {
  const child = spawn(python, [path.join(import.meta.dirname, 'otlp_receiver.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const spans: OtlpSpan[] = [];
  const logs: OtlpLog[] = [];
  const metrics: OtlpMetric[] = [];
  const errors: string[] = [];
  const lines: string[] = [];
  const started = Promise.withResolvers<number>();
  void ended.then(() => started.reject(new Error('the receiver of OTLP ended')));
  let port: number | null = null;
  createInterface({ input: child.stdout }).on('line', (text) => {
    if (port === null) {
      port = Number(text);
      started.resolve(port);
      return;
    }
    lines.push(text);
    const line = JSON.parse(text) as Line;
    if (line.error !== undefined) errors.push(line.error);
    for (const { scopeSpans = [] } of line.resourceSpans ?? [])
      for (const scope of scopeSpans) spans.push(...(scope.spans ?? []));
    for (const { scopeLogs = [] } of line.resourceLogs ?? [])
      for (const scope of scopeLogs) logs.push(...(scope.logRecords ?? []));
    for (const { scopeMetrics = [] } of line.resourceMetrics ?? [])
      for (const scope of scopeMetrics) metrics.push(...(scope.metrics ?? []));
  });
  return {
    url: `http://127.0.0.1:${await started.promise}`,
    spans,
    logs,
    metrics,
    errors,
    lines,
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
