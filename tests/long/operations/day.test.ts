import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEngine, openLake, readTable, sqlText, tables, type Engine } from '../../../lake/index.ts';
import { alertKey, type Alert } from '../../../ops/alerts/index.ts';
import { dashboardFor } from './look.ts';
import { observed, plainRows, readCurrentObservation } from '../../../ops/observe/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { caddyMissing, hasCaddy, startCaddy } from '../../services/caddy.ts';
import { hasOtlp, otlpMissing, type OtlpReceiver } from '../../services/otlp.ts';
import { hasVersitygw } from '../../services/versitygw.ts';
import { faults, type Fault, type Residents } from './faults.ts';
import { command, onServerSpool, runJob, startJob, type JobEnd } from './jobs.ts';
import { startProber, type Prober } from './prober.ts';
import { openWorld, type World } from './world.ts';

const calm: Fault = { name: '', shownBy: [] };
// DAY_FAULTS, words separated by commas, picks the faults whose names hold one of them: for work on one; it is no whole day then
const wanted = process.env.DAY_FAULTS?.split(',');
const chosen = faults.filter(({ name }) => wanted?.some((word) => name.includes(word)) ?? true);
const isWhole = chosen.length === faults.length;
// two calm hours first, then a fault an hour, then calm until the last alert's window is over
const hours: Fault[] = [
  calm,
  calm,
  ...chosen,
  ...Array<Fault>(isWhole ? Math.max(5, 20 - 2 - faults.length) : 2).fill(calm),
];

interface Hour {
  fault: Fault;
  /** Ends of the jobs of the hour, in order. */
  jobs: Record<string, JobEnd>;
  /** Alerts of the hour's observations. */
  firing: string[];
  live: string[];
  seconds: number;
}

const mayRun = hasVersitygw && hasCaddy && process.getuid?.() === 0;
if (!mayRun)
  console.warn(
    `SKIPPED: a day compressed. It needs root (for a small disk), versitygw, and Caddy: ${caddyMissing}`,
  );

if (!hasOtlp) console.warn(`SKIPPED: what a day tells OpenTelemetry: ${otlpMissing}`);

// One day; every test looks at what came of it.
describe.skipIf(!mayRun)('a day compressed', () => {
  let folder: string;
  let world: World;
  let engine: Engine;
  let residents: Residents;
  let prober: Prober;
  const day: Hour[] = [];
  const undo: (() => Promise<unknown>)[] = [];
  let tookSeconds = 0;
  /** The history before it has hours of the night in which nobody writes. */
  let beganUs = 0;

  const readFiring = async (): Promise<string[] | null> => {
    const lake = openLake(world.config.lake);
    const current = await readCurrentObservation(lake).catch(() => null);
    if (current === null) return null;
    const rows = await plainRows<Alert>(
      engine,
      `SELECT * EXCLUDE (publish) FROM ${observed(lake, current, 'alerts')}`,
    );
    return rows.map(alertKey).toSorted();
  };

  /** What the schedule does in an hour, with what goes wrong in it. */
  const anHour = async (fault: Fault, number: number): Promise<Hour> => {
    const began = performance.now();
    const jobs: Record<string, JobEnd> = {};
    await world.live(8);
    await fault.begin?.(world, residents);
    await world.captured(fault === calm ? 60_000 : 3_000);
    world.advance(3); // what is in the spool is sealed
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const seen = new Set<string>();
    const look = async (): Promise<void> => {
      for (const key of (await readFiring()) ?? []) seen.add(key);
    };
    jobs.landServer = await runJob(world, 'land', [], onServerSpool(world));
    if (fault.insteadOfCycle) {
      await fault.insteadOfCycle(world, look);
      if (!fault.breaksCycle) jobs.observe = await runJob(world, 'observe');
    } else jobs.cycle = await runJob(world, 'cycle');
    if (fault.breaksCycle) jobs.land = await runJob(world, 'land');
    if (number % 12 === 11) {
      jobs.compact = await runJob(world, 'compact');
      jobs.backup = await runJob(world, 'backup');
      jobs.export = await runJob(world, 'export');
    }
    const { alerts } = await command<{ alerts: Alert[] }>(world, 'alerts', '--notify');
    const live = alerts.map(alertKey);
    if (!fault.breaksCycle) await look();
    await fault.end?.(world, residents);
    if (fault.breaksCycle) {
      jobs.observe = await runJob(world, 'observe');
      await look();
    }
    world.advance(57);
    const firing = [...seen].toSorted();
    return { fault, jobs, firing, live, seconds: (performance.now() - began) / 1000 };
  };

  beforeAll(async () => {
    silenceProgress();
    const began = performance.now();
    folder = mkdtempSync(path.join(os.tmpdir(), 'feedtrial-day-'));
    mkdirSync(path.join(folder, 'study'));
    world = await openWorld(folder);
    undo.push(() => world.close());
    beganUs = Math.round(world.nowMs() * 1000);
    engine = await openEngine();
    undo.push(() => engine.close());
    residents = {
      capture: startJob(world, 'capture', ['--source', 'firehose']),
      serve: startJob(world, 'serve', [], onServerSpool(world)),
    };
    undo.push(async () => {
      for (const job of Object.values(residents) as Residents[keyof Residents][]) {
        job.kill('SIGTERM');
        await job.ended;
      }
    });
    expect(await world.captured(120_000)).toBe(true);
    day.push(await anHour(calm, 0));
    const front = await startCaddy(world.config.port);
    undo.push(() => front.stop());
    prober = startProber({
      frontUrl: front.url,
      serverUrl: `http://127.0.0.1:${world.config.port}`,
      feedUri: `at://${world.config.publisherDid ?? world.config.serviceDid}/app.bsky.feed.generator/${world.config.feedRkey}`,
      participants: world.participants.length,
      token: (n) => world.token(n),
    });
    for (const [number, fault] of hours.entries()) {
      if (number > 0) day.push(await anHour(fault, number));
      const { seconds, jobs, firing } = day.at(-1) as Hour;
      process.stderr.write(
        `hour ${number} ${fault.name || 'calm'}: ${seconds.toFixed(0)} s; ${Object.entries(jobs)
          .map(([name, { exitCode }]) => `${name} ${exitCode}`)
          .join(', ')}; ${firing.join(', ')}\n`,
      );
      if (process.env.DAY_TRACE)
        for (const [name, job] of Object.entries(jobs))
          if (job.exitCode !== 0) process.stderr.write(`--- ${name}\n${job.said}\n`);
    }
    await prober.stop();
    tookSeconds = (performance.now() - began) / 1000;
    await dashboardFor(world, process.env.DAY_DASHBOARD);
    // a gap closes with the first event after it: where the stream was left as the last hour passed, nothing came since
    await world.live(2);
    await new Promise((resolve) => setTimeout(resolve, 2_000)); // until the relay has them too
    await world.captured(60_000);
    // what capture and the server still hold is sealed and landed
    for (const name of ['capture', 'serve'] as const) {
      residents[name].kill('SIGTERM');
      await residents[name].ended;
    }
    await runJob(world, 'land');
    await runJob(world, 'land', [], onServerSpool(world));
  }, 3_000_000);

  afterAll(async () => {
    for (let step = undo.pop(); step; step = undo.pop()) await step().catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
    silenceProgress(false);
  });

  test('has at least 20 cycles, and shows each fault by an alert that is gone after recovery', () => {
    const cycles = day.filter(({ jobs, fault }) => jobs.cycle ?? fault.insteadOfCycle);
    const table = day.map(({ fault, jobs, firing, seconds }, number) => {
      const shown = fault.shownBy.filter((key) => firing.includes(key));
      const gone = fault.shownBy.map((key) =>
        day.findIndex((hour, at) => at > number && !hour.firing.includes(key)),
      );
      return [
        number,
        fault.name || '-',
        Object.entries(jobs)
          .map(([name, { exitCode }]) => `${name} ${exitCode}`)
          .join(' '),
        shown.join(', ') || '-',
        fault.shownBy.length === 0
          ? '-'
          : gone.map((at) => (at === -1 ? 'never' : `+${at - number} h`)).join(', '),
        `${seconds.toFixed(0)} s`,
      ].join(' | ');
    });
    console.log(
      ['hour | fault | jobs and their exit codes | shown by | gone after | took', ...table].join('\n'),
    );
    if (isWhole) expect(cycles.length).toBeGreaterThanOrEqual(20);
    for (const [number, hour] of day.entries()) {
      const { fault, firing, live } = hour;
      for (const key of fault.shownBy) {
        expect(firing, `hour ${number}, ${fault.name}`).toContain(key);
        expect(day.at(-1)?.firing, `the last hour, ${fault.name}`).not.toContain(key);
      }
      if (fault.toldLive !== undefined) expect(live, fault.name).toContain(fault.toldLive);
      if (fault === calm && number > 0 && day[number - 1]?.fault === calm)
        expect(hour.jobs.cycle?.exitCode, hour.jobs.cycle?.said).toBe(0);
    }
    // how fast pages are made is this machine's load, whoever else is on it
    const usual = new Set([...(day[1]?.firing ?? []), 'server_slow']);
    expect(day.at(-1)?.firing?.filter((key) => !usual.has(key))).toEqual([]);
    console.log(`fires all day in this small world: ${[...usual].join(', ') || 'nothing'}`);
  });

  test('always serves', () => {
    const { probes, bareRefusals, tokenless } = prober;
    const bad = probes.filter(({ status, posts }) => status !== 200 || posts === 0);
    const slowest = probes.map(({ milliseconds }) => milliseconds).toSorted((a, b) => a - b);
    console.log(
      `${probes.length} pages asked for in ${tookSeconds.toFixed(0)} s, ${bad.length} bad; median ${slowest[slowest.length >> 1]?.toFixed(0)} ms, slowest ${slowest.at(-1)?.toFixed(0)} ms; the bare server refused ${bareRefusals} times; ${tokenless} readers had no token`,
    );
    expect(probes.length).toBeGreaterThan(100);
    expect(bad).toEqual([]);
  });

  test('logs every page that was served', async () => {
    const landed = await engine.rows<{ req_id: string }>(
      `SELECT DISTINCT req_id FROM ${readTable(openLake(world.config.lake), tables.exposures)}`,
    );
    const known = new Set(landed.map(({ req_id }) => req_id));
    expect(prober.probes.filter(({ reqId }) => reqId !== null && !known.has(reqId))).toEqual([]);
  });

  test('misses nothing of the network and has nothing twice', async () => {
    await runJob(world, 'cycle');
    const warehouse = await openEngine();
    const catalog = path.basename(world.config.warehouse, '.duckdb'); // views of it name it so
    try {
      await warehouse.run(`ATTACH ${sqlText(world.config.warehouse)} AS ${catalog} (READ_ONLY)`);
      const [schema] = await warehouse.rows<{ name: string }>(
        `SELECT table_schema AS name FROM information_schema.tables
         WHERE table_catalog = '${catalog}' AND table_name = 'stg_bluesky__posts' AND table_schema <> 'folding'`,
      );
      for (const [collection, table] of [
        ['app.bsky.feed.post', 'stg_bluesky__posts'],
        ['app.bsky.feed.like', 'stg_bluesky__likes'],
      ] as const) {
        const truth = await world.truth([collection]);
        const rows = await warehouse.rows<{ uri: string; n: bigint; is_deleted: boolean }>(
          `SELECT uri, count(*) AS n, bool_and(is_deleted) AS is_deleted FROM ${catalog}.${schema?.name}.${table} GROUP BY uri`,
        );
        const known = new Set(rows.map(({ uri }) => uri));
        console.log(`${collection}: ${truth.size} in the network, ${rows.length} in the warehouse`);
        expect([...truth.keys()].filter((uri) => !known.has(uri))).toEqual([]);
        expect(rows.filter(({ n }) => n !== 1n)).toEqual([]);
        const there = new Set(world.population.accounts.map(({ did }) => did));
        const leaving = new Set(world.population.plan.leaving.map((i) => world.population.accounts[i]?.did));
        const invented = rows.filter(({ uri, is_deleted: isDeleted }) => {
          const did = uri.split('/')[2] ?? '';
          return !isDeleted && there.has(did) && !leaving.has(did) && !truth.has(uri);
        });
        expect(invented).toEqual([]);
      }
    } finally {
      await warehouse.close();
    }
  });

  test.skipIf(!hasOtlp)(
    'is told to OpenTelemetry: a trace a cycle across TypeScript and dbt, metrics, logs; no secret',
    () => {
      const { spans, metrics, logs, errors, lines } = world.otlp as OtlpReceiver;
      expect(errors).toEqual([]);
      const cycles = spans.filter(({ name }) => name === 'cycle.cycle');
      const byTrace = Map.groupBy(spans, ({ traceId }) => traceId);
      console.log(
        `OTLP: ${spans.length} spans in ${byTrace.size} traces, ${cycles.length} of them cycles; ${logs.length} log lines; metrics: ${[...new Set(metrics.map(({ name }) => name))].toSorted().join(', ')}`,
      );
      const ended = day.filter(({ jobs }) => jobs.cycle?.exitCode === 0).length;
      expect(cycles.length).toBeGreaterThanOrEqual(ended);
      for (const { traceId, spanId } of cycles) {
        const trace = byTrace.get(traceId) ?? [];
        expect(trace.filter(({ parentSpanId }) => parentSpanId === undefined)).toHaveLength(1);
        const stages = new Map(
          trace.filter(({ parentSpanId }) => parentSpanId === spanId).map((span) => [span.name, span]),
        );
        expect([...stages.keys()]).toEqual(expect.arrayContaining(['cycle.land', 'cycle.transform']));
        const inDbt = trace.filter(({ name }) => name.startsWith('dbt '));
        if (inDbt.length === 0) continue; // a cycle whose transform failed before dbt ran
        expect(inDbt.some(({ parentSpanId }) => parentSpanId === stages.get('cycle.transform')?.spanId)).toBe(
          true,
        );
      }
      expect(
        cycles.filter(({ traceId }) => byTrace.get(traceId)?.some(({ name }) => name === 'dbt fct_alerts'))
          .length,
      ).toBeGreaterThanOrEqual(ended);
      const names = new Set(metrics.map(({ name }) => name));
      for (const name of [
        'feedtrial.capture.lag', // lag
        'feedtrial.queue.posts', // queue
        'feedtrial.labels.coverage', // coverage
        'feedtrial.capture.operations', // rates
        'feedtrial.stage.records',
        'feedtrial.labels.cost', // costs
        'feedtrial.llm.cost',
        'feedtrial.serve.latency', // latencies
        'feedtrial.stage.duration',
        'gen_ai.client.operation.duration',
        'feedtrial.labels.failed', // errors
        'feedtrial.stage.runs',
        'feedtrial.alerts.firing',
        'feedtrial.disk.fullness',
        'feedtrial.server.up',
      ])
        expect([...names]).toContain(name);
      const traces = new Set(spans.map(({ traceId }) => traceId));
      expect(logs.some(({ traceId }) => traceId !== undefined && traces.has(traceId))).toBe(true);
      const text = lines.join('\n');
      for (const secret of [
        /authorization/i,
        /Bearer\s+[\w-]{8}/,
        /\beyJ[\w-]{5,}\.[\w-]{5,}\./,
        /one-key/,
        /feedtrial-secret/,
        /the key of the exports/,
      ])
        expect(text).not.toMatch(secret);
    },
  );

  test('leaves no gap open or unexplained, and no feed with a post twice', async () => {
    const lake = openLake(world.config.lake);
    const gaps = await engine.rows<{ kind: string; state: string; n: bigint }>(
      `SELECT kind, state, count(*) AS n FROM (
         SELECT gap_id, arg_max(kind, (event_us, ingested_at, segment)) AS kind, CASE WHEN bool_or(state = 'closed') THEN 'closed' ELSE 'open' END AS state
         FROM ${readTable(lake, tables.gaps)} GROUP BY gap_id) GROUP BY ALL`,
    );
    console.log(`gaps: ${gaps.map(({ kind, state, n }) => `${n} ${kind} ${state}`).join(', ') || 'none'}`);
    expect(gaps.filter(({ kind, state }) => state === 'open' && kind !== 'first_start')).toEqual([]);
    const current = await readCurrentObservation(lake);
    if (current === null) throw new Error('nothing was observed');
    const unexplained = await engine.rows(
      `SELECT event_hour FROM ${observed(lake, current, 'capture_hours')} WHERE NOT is_explained AND hour_us >= ${beganUs}`,
    );
    expect(unexplained).toEqual([]);
    const [raw] = await engine.rows<{ n: bigint; distinct_n: bigint }>(
      `SELECT count(*) AS n, count(DISTINCT (did, collection, rkey, rev, operation)) AS distinct_n
       FROM ${readTable(lake, tables.records)}`,
    );
    console.log(`raw: ${raw?.n} rows of ${raw?.distinct_n} operations`);
    const generations = (await lake.list('feeds')).filter(({ path: file }) =>
      file.endsWith('/feeds.parquet'),
    );
    for (const { path: file } of generations) {
      const twice = await engine.rows(
        `SELECT participant_id, uri FROM read_parquet(${sqlText(lake.uri(file))}) GROUP BY ALL HAVING count(*) > 1`,
      );
      expect(twice, file).toEqual([]);
    }
    expect(generations.length).toBeGreaterThanOrEqual(isWhole ? 12 : 3);
  });
});
