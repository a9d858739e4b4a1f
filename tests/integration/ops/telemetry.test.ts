import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { projectRoot } from '../../../ops/config/config.ts';
import { openDbt } from '../../../ops/dbt/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { log, newRunId, runStage, startTelemetry } from '../../../ops/telemetry/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';

silenceProgress();

interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  status?: { code?: number };
}

interface LogLine {
  body: { stringValue?: string };
  traceId?: string;
  severityText?: string;
}

/** A fake collector: takes OTLP over HTTP as JSON and keeps it. */
async function fakeCollector(): Promise<{
  url: string;
  spans: Span[];
  metrics: string[];
  logs: LogLine[];
  bodies: string[];
}> {
  const spans: Span[] = [];
  const metrics: string[] = [];
  const logs: LogLine[] = [];
  const bodies: string[] = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    request.on('end', () => {
      bodies.push(body);
      const message = JSON.parse(body) as {
        resourceSpans?: { scopeSpans: { spans: Span[] }[] }[];
        resourceMetrics?: { scopeMetrics: { metrics: { name: string }[] }[] }[];
        resourceLogs?: { scopeLogs: { logRecords: LogLine[] }[] }[];
      };
      for (const resource of message.resourceSpans ?? [])
        for (const scope of resource.scopeSpans) spans.push(...scope.spans);
      for (const resource of message.resourceMetrics ?? [])
        for (const scope of resource.scopeMetrics)
          metrics.push(...scope.metrics.map((metric) => metric.name));
      for (const resource of message.resourceLogs ?? [])
        for (const scope of resource.scopeLogs) logs.push(...scope.logRecords);
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, metrics, logs, bodies };
}

test('a run is one trace across TypeScript and dbt, its metrics arrive, and its run records name the trace', async () => {
  const collector = await fakeCollector();
  const root = temporaryFolder();
  mkdirSync(path.join(root, 'models'));
  writeFileSync(path.join(root, 'dbt_project.yml'), 'name: miniature\nprofile: miniature\n');
  writeFileSync(
    path.join(root, 'profiles.yml'),
    'miniature: {target: l, outputs: {l: {type: duckdb, path: "{{ env_var(\'FEEDTRIAL_WAREHOUSE\') }}"}}}',
  );
  writeFileSync(path.join(root, 'models/good.sql'), 'select 1 as n');
  writeFileSync(path.join(root, 'models/bad.sql'), 'select no_such_column from {{ ref("good") }}');
  symlinkSync(path.join(projectRoot, '.venv'), path.join(root, '.venv'));
  const config = {
    ...configIn(root, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }),
    projectRoot: root,
  };
  mkdirSync(path.dirname(config.warehouse), { recursive: true });

  process.env.OTEL_EXPORTER_OTLP_PROTOCOL = 'http/json';
  const telemetry = await startTelemetry(config);
  const dbt = await openDbt(config);
  const runId = newRunId();
  const options = { config, dag: 'cycle', runId };
  await expect(
    runStage({ ...options, stage: 'cycle' }, () =>
      runStage({ ...options, stage: 'transform' }, (stage) => {
        stage.records = 2;
        log.warn('it goes on', { api_key: 'swordfish-swordfish' });
        return dbt.run({ command: 'build' });
      }),
    ),
  ).rejects.toMatchObject({ code: 'FT_DBT_FAILED' });
  await dbt.close();
  await telemetry.shutdown();

  const named = (name: string): Span => {
    const span = collector.spans.find((s) => s.name === name);
    if (!span) throw new Error(`no span ${name} among ${collector.spans.map((s) => s.name).join(', ')}`);
    return span;
  };
  const traceIds = new Set(collector.spans.map((s) => s.traceId));
  expect(traceIds.size).toBe(1);
  expect(named('cycle.transform').parentSpanId).toBe(named('cycle.cycle').spanId);
  expect(named('dbt good').parentSpanId).toBe(named('cycle.transform').spanId);
  expect(named('dbt bad').status?.code).toBe(2);
  expect(collector.metrics).toEqual(
    expect.arrayContaining([
      'feedtrial.stage.duration',
      'feedtrial.stage.runs',
      'feedtrial.dbt.node.duration',
    ]),
  );
  const [line] = collector.logs.filter(({ body }) => body.stringValue === 'it goes on');
  expect(line).toMatchObject({ severityText: 'warn', traceId: named('cycle.transform').traceId });
  expect(collector.bodies.join('')).not.toContain('swordfish-swordfish');
  const folder = path.join(config.spool, 'runs');
  const rows = readdirSync(folder)
    .filter((name) => name.endsWith('.ndjson'))
    .map((name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as { trace_id: string });
  expect(new Set(rows.map((row) => row.trace_id))).toEqual(traceIds);
});

test('no secret reaches a log line, a run record or an error on the terminal', async () => {
  const folder = temporaryFolder();
  const secret = 'swordfish-swordfish-swordfish';
  const jwt = 'eyJhbGciOiJFUzI1NksifQ.eyJpc3MiOiJkaWQ6cGxjOngifQ.c2lnbmF0dXJl';
  const script = `
    import { log, runStage, newRunId } from ${JSON.stringify(path.join(projectRoot, 'ops/telemetry/index.ts'))};
    import { loadConfig } from ${JSON.stringify(path.join(projectRoot, 'ops/config/index.ts'))};
    log.error('asked with Bearer ${jwt}', { authorization: 'x', url: 'postgres://me:hunter22@host/db', note: process.env.FEEDTRIAL_FEED_CONTEXT_KEY, tokens_in: 17 });
    await runStage({ config: loadConfig(), dag: 'a', runId: newRunId(), stage: 'a' }, () => {
      throw new Error('refused for ' + process.env.FEEDTRIAL_FEED_CONTEXT_KEY + ' and ${jwt}');
    }).catch(() => {});`;
  const env = {
    FEEDTRIAL_FEED_CONTEXT_KEY: secret,
    FEEDTRIAL_SPOOL: path.join(folder, 'spool'),
  };
  const { stderr } = await execa(process.execPath, ['--input-type=module', '-e', script], {
    env,
    cwd: folder,
  });
  expect(stderr).toContain('asked with');
  expect(stderr).toContain('"tokens_in":17');
  const records = readdirSync(path.join(folder, 'spool/runs'))
    .map((name) => readFileSync(path.join(folder, 'spool/runs', name), 'utf8'))
    .join('\n');
  expect(records).toContain('refused for [redacted]');
  const terminal = await execa(
    process.execPath,
    [path.join(projectRoot, 'ops/cli/feedtrial.js'), '--env', `absent?key=${secret}`, 'status'],
    { env, cwd: folder, reject: false, all: true },
  );
  expect(terminal.exitCode).toBe(2);
  for (const written of [stderr, records, terminal.all])
    for (const word of [secret, jwt, 'hunter22']) expect(written).not.toContain(word);
});
