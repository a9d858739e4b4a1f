import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEngine, openLake, tables, writeRows } from '../../../lake/index.ts';
import { openSegmentWriter } from '../../../lake/segments/index.ts';
import { alertKey, notify, parseSeed, readAlerts, type Alert } from '../../../ops/alerts/index.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { transform } from '../../../ops/cycle/transform.ts';
import { openDbt, type Dbt } from '../../../ops/dbt/index.ts';
import { observe, type Fullness } from '../../../ops/observe/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import type { ServerStatus } from '../../../ops/status/server.ts';
import { writeRunRecords, type RunRecord } from '../../../ops/telemetry/index.ts';
import { buildBeforeRanking, makeSmallLake, observedLabels, type SmallLake } from '../rank/small-lake.ts';

silenceProgress();

const hourMs = 3_600_000;
const deadPid = 2 ** 22 + 1; // above the greatest process id of Linux

let small: SmallLake;
let dbt: Dbt;
/** The injected clock, milliseconds: the world of the generated lake, and what comes after it. */
let nowMs = 0;
const now = (): number => nowMs;
let disk: Fullness = { share: 0.5, freeBytes: 2 ** 36, fileSystem: 'one' };
let server: ServerStatus = { url: 'http://here', up: true, generation: 'g', reason: null };
const probes = { fullness: async () => disk, server: async () => server };

beforeAll(async () => {
  small = await makeSmallLake();
  small.config = { ...small.config, port: 3020 };
  nowMs = small.generated.endUs / 1000 + 60_000;
  dbt = await openDbt(small.config);
  await buildBeforeRanking(small, dbt);
  await transform({
    config: small.config,
    dbt,
    now,
    select: observedLabels,
  });
}, 600_000);

afterAll(async () => {
  await dbt.close();
  small.remove();
});

/** What a stage leaves behind in the spool. */
const run = (
  stage: string,
  status: string,
  minutesAgo: number,
  more: Partial<RunRecord> = {},
): RunRecord => ({
  ts: Math.round((nowMs - minutesAgo * 60_000) * 1000),
  dag: 'cycle',
  run_id: `run-${stage}-${minutesAgo}-${nowMs}`,
  stage,
  records: 1,
  duration_s: status === 'running' ? 0 : 1,
  status,
  host: 'elsewhere',
  pid: 1,
  error: status === 'failed' || status === 'refused' ? 'FT_TEST_BROKEN: it broke' : null,
  trace_id: null,
  detail: null,
  ...more,
});

/** Events of the relay, as capture spools them. */
function spoolEvents(minutesAgo: number, rejected = 0): void {
  const eventUs = Math.round((nowMs - minutesAgo * 60_000) * 1000);
  const writer = openSegmentWriter({
    spool: small.config.spool,
    stream: 'firehose',
    format: 'firehose/1',
    now,
  });
  const common = {
    did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
    seq: eventUs,
    event_us: eventUs,
    source: 'firehose',
    ingested_at: eventUs,
  };
  const record = {
    t: 'record',
    collection: 'app.bsky.feed.like',
    operation: 'create',
    cid: 'c',
    rev: '3l',
    record: {},
    live: true,
    verified: true,
  };
  for (let i = 0; i < 20; i++)
    writer.append(`${JSON.stringify({ ...common, ...record, rkey: `r${eventUs}-${i}` })}\n`, 1, eventUs);
  for (let i = 0; i < rejected; i++)
    writer.append(
      `${JSON.stringify({ ...common, t: 'rejected', reason: 'did_unresolved', detail: 'x', frame: null, attempts: 1 })}\n`,
      1,
      eventUs,
    );
  void writer.close();
}

async function put(
  table: keyof typeof tables,
  partition: Record<string, string>,
  rows: object[],
  name: string,
) {
  const engine = await openEngine();
  await writeRows(
    openLake(small.config.lake),
    engine,
    tables[table],
    partition,
    rows as Record<string, unknown>[],
    name,
  );
  await engine.close();
}

const firing = async (): Promise<Map<string, Alert>> => {
  await observe({ config: small.config, dbt, now, probes });
  const { alerts } = await readAlerts({ config: small.config, now, probes });
  return new Map(alerts.map((alert) => [alertKey(alert), alert]));
};

/** All that a working schedule does in an hour. */
async function aGoodHour(): Promise<void> {
  nowMs += hourMs;
  spoolEvents(1);
  await writeRunRecords(
    small.config,
    [
      run('capture.firehose', 'running', 1),
      ...['land', 'transform', 'rank', 'backup'].map((stage) => run(stage, 'done', 1)),
      run('enrich', 'done', 1, {
        detail: JSON.stringify({
          labelers: { language: { status: 'done' }, perspective: { status: 'done' } },
        }),
      }),
    ],
    now,
  );
}

describe('alerts', () => {
  test('are none about what a working schedule does', async () => {
    nowMs -= hourMs;
    await aGoodHour();
    const alerts = await firing();
    // the generated lake has an old gap, and embeddings for few posts: they are its own
    expect([...alerts.keys()].toSorted()).toEqual(['gaps_open outdated_cursor', 'labels_missing embeddings']);
  });

  test('fire for each fault, say since when, and are gone once it is over', async () => {
    const dt = new Date(nowMs).toISOString().slice(0, 10);
    const faultMs = nowMs;
    nowMs += 4 * hourMs; // nothing came in, nothing ran, but for what follows
    disk = { ...disk, share: 0.97 };
    server = { ...server, up: false, reason: 'nothing listens there' };
    await put(
      'gaps',
      { dt },
      [
        {
          gap_id: 'test',
          kind: 'disconnect',
          state: 'open',
          from_us: 1,
          to_us: 2,
          event_us: (nowMs - 7 * hourMs) * 1000,
          source: 'firehose',
          ingested_at: nowMs * 1000,
          segment: 's',
        },
      ],
      'gap-open',
    );
    const answer = (n: number) => ({
      req_id: `q${n}`,
      served_us: (nowMs - 60_000) * 1000,
      participant_id: 'p',
      study: 's',
      arm_assigned: 'treatment',
      policy_served: 'default',
      policy_version: '1',
      fallback_reason: 'no_feed',
      generation: 'g',
      feed_offset: 0,
      page_limit: 30,
      position: 1,
      uri: 'at://x',
      jti_reused: false,
      http_status: 200,
      latency_us: 400_000,
      segment: 's',
    });
    await put(
      'exposures',
      { dt, hour: '23' },
      Array.from({ length: 30 }, (_, n) => answer(n)),
      'bad-answers',
    );
    const label = (n: number) => ({
      uri: `at://p${n}`,
      cid: 'c',
      version: '1',
      label: '*',
      status: 'failed',
      error: 'FT_LABELER_DOWN: refused',
      attempt: 1,
      cost_usd: 5,
      run_id: 'costly',
      labelled_at: (nowMs - 1000) * 1000,
    });
    await put(
      'labels',
      { labeler: 'perspective', dt },
      Array.from({ length: 30 }, (_, n) => label(n)),
      'bad-labels',
    );
    // three that all failed say something, two don't
    for (const [labeler, asks] of [
      ['llm_sociopolitical', 3],
      ['student_toxicity', 2],
    ] as const)
      await put(
        'labels',
        { labeler, dt },
        Array.from({ length: asks }, (_, n) => ({ ...label(n), cost_usd: 0 })),
        'few-bad-labels',
      );
    spoolEvents(30, 5);
    await writeRunRecords(
      small.config,
      [
        run('rank', 'refused', 40),
        run('rank', 'refused', 20),
        run('transform', 'failed', 40),
        run('transform', 'failed', 20),
        run('capture.firehose', 'running', 60, {
          host: (await import('node:os')).hostname(),
          pid: deadPid,
          dag: 'capture',
        }),
        ...[50, 40, 30, 20].map((minutes) => run('capture.jetstream', 'failed', minutes)),
        run('enrich', 'partial', 20, {
          detail: JSON.stringify({ labelers: { language: { status: 'failed', error: 'FT_X: gone' } } }),
        }),
      ],
      now,
    );
    const alerts = await firing();
    const expected = [
      'capture_lag',
      'cost_of_a_day',
      'disk_filling spool',
      'events_rejected',
      'fallbacks',
      'feeds_old',
      'gaps_open disconnect',
      'job_restarting capture.jetstream',
      'labeler_failing language',
      'labeler_failing llm_sociopolitical',
      'labeler_failing perspective',
      'ranking_refused',
      'schedule_missed rank',
      'schedule_missed transform',
      'server_down',
      'server_slow',
      'stage_failing capture.firehose',
      'stage_failing capture.jetstream',
      'stage_failing transform',
    ];
    for (const key of expected) expect([...alerts.keys()]).toContain(key);
    expect(alerts.get('ranking_refused')?.measured_value).toBe(2);
    expect(alerts.get('stage_failing transform')?.since_us).toBe((nowMs - 40 * 60_000 - 1_000) * 1000);
    expect(alerts.get('stage_failing capture.firehose')?.detail).toContain('killed');
    const feedsOld = alerts.get('feeds_old');
    expect(Math.abs((feedsOld?.since_us ?? 0) / 1000 - (faultMs - 60_000 + 3 * hourMs))).toBeLessThan(5_000);

    // --- recovery: everything runs again, the gap is closed, the disk is emptied, the server is back
    disk = { ...disk, share: 0.4 };
    server = { ...server, up: true, reason: null };
    await put(
      'gaps',
      { dt },
      [
        {
          gap_id: 'test',
          kind: 'disconnect',
          state: 'closed',
          from_us: 1,
          to_us: 2,
          event_us: nowMs * 1000,
          source: 'firehose',
          ingested_at: nowMs * 1000,
          segment: 's',
        },
      ],
      'gap-closed',
    );
    nowMs += 24 * hourMs;
    await aGoodHour();
    await writeRunRecords(small.config, [run('capture.jetstream', 'running', 2)], now);
    for (const labeler of ['perspective', 'llm_sociopolitical'])
      await put(
        'labels',
        { labeler, dt: new Date(nowMs).toISOString().slice(0, 10) },
        Array.from({ length: 30 }, (_, n) => ({
          ...label(n),
          label: 'TOXICITY',
          score: 0.5,
          status: 'ok',
          error: null,
          cost_usd: 0.01,
          run_id: 'good',
          labelled_at: (nowMs - 1000) * 1000,
        })),
        'good-labels',
      );
    const after = await firing();
    for (const key of expected) expect([...after.keys()]).not.toContain(key);
  });

  test('of a machine are read anew without an observation, and one that is too old is an alert itself', async () => {
    server = { ...server, up: true, reason: 'no generation has been published yet' };
    nowMs += 3 * hourMs;
    const { alerts } = await readAlerts({ config: small.config, now, probes });
    expect(alerts.map(alertKey)).toEqual(expect.arrayContaining(['observation_old', 'server_not_ready']));
    server = { ...server, reason: null };
  });

  test('have a threshold and a rule in SQL each', () => {
    const rules = parseSeed(readFileSync(path.join(projectRoot, 'seeds/alert_rules.csv'), 'utf8')).map(
      (row) => row.rule,
    );
    const sql = readFileSync(path.join(projectRoot, 'models/observe/int_alerts__measured.sql'), 'utf8');
    for (const rule of rules)
      if (!['observation_old', 'lake_down'].includes(rule ?? '')) expect(sql).toContain(`'${rule}'`);
  });
});

describe('whoever is to be told', () => {
  const alert = (rule: string): Alert => ({
    rule,
    subject: '',
    severity: 'page',
    measured_value: 2,
    threshold: 1,
    unit: 'gaps',
    detail: 'it broke',
    watches: 'w',
    what_to_do: 'mend it',
    runbook: `docs/runbook/${rule}.md`,
    since_us: 1,
  });

  test('is told once of what is new, a day later of what still is so, and of what is over', async () => {
    const bodies: { text: string; over: string[] }[] = [];
    let status = 500;
    const hook = http.createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      request.on('end', () => {
        if (status === 200) bodies.push(JSON.parse(body) as { text: string; over: string[] });
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
    const mailbox = path.join(small.folder, 'mail');
    const config = {
      ...small.config,
      alertWebhook: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook`,
      alertCommand: `(echo "$FEEDTRIAL_ALERT_SUBJECT"; cat) >> '${mailbox}'`,
    };
    try {
      // a webhook that is down: nobody was told, so the next call tells
      await expect(notify({ config, alerts: [alert('gaps_open')], now })).rejects.toMatchObject({
        code: 'FT_ALERTS_NOT_SENT',
      });
      status = 200;
      expect(await notify({ config, alerts: [alert('gaps_open')], now })).toEqual({
        told: ['gaps_open'],
        over: [],
      });
      expect(await notify({ config, alerts: [alert('gaps_open')], now })).toEqual({ told: [], over: [] });
      nowMs += 25 * hourMs;
      expect(
        (await notify({ config, alerts: [alert('gaps_open'), alert('server_down')], now })).told,
      ).toEqual(['gaps_open', 'server_down']);
      expect(await notify({ config, alerts: [], now })).toEqual({
        told: [],
        over: ['gaps_open', 'server_down'],
      });
      expect(bodies).toHaveLength(3);
      expect(bodies[0]?.text).toContain('mend it');
      const mail = readFileSync(mailbox, 'utf8');
      expect(mail).toContain('1 to page');
      expect(mail).toContain('OVER   server_down');
    } finally {
      await new Promise((resolve) => hook.close(resolve));
      rmSync(mailbox, { force: true });
    }
  });

  test('has to be named', async () => {
    await expect(notify({ config: small.config, alerts: [alert('gaps_open')] })).rejects.toMatchObject({
      code: 'FT_ALERTS_NOWHERE',
    });
  });
});
