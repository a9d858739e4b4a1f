import { describe, expect, test } from 'vitest';
import type { Run } from '../../../ops/runs/index.ts';
import { describeStatus, lastDurableEventUs, nextSteps, type Status } from '../../../ops/status/index.ts';

const nowUs = 1_800_000_000_000_000;
const minute = 60e6;

const fresh: Status = {
  nowUs,
  lakeRoot: '/data/lake',
  streams: [],
  lake: {
    records: 0,
    lastEventUs: null,
    gaps: [],
    rejected: [],
    queue: null,
    coverage: [],
    generation: null,
    participants: 0,
  },
  server: { url: 'http://127.0.0.1:3020', up: false, generation: null, reason: 'nothing listens there' },
  runs: [],
};

const firehose = {
  stream: 'firehose',
  cursor: 77,
  lastWrittenUs: nowUs - minute,
  lastEventUs: nowUs - minute,
  sealedWaiting: 0,
  linesWaiting: 0,
  open: 1,
  capture: null,
};
const healthy: Status = {
  ...fresh,
  streams: [firehose],
  lake: {
    ...fresh.lake,
    records: 1_200,
    lastEventUs: nowUs - 10 * minute,
    queue: { publishId: 'p1', publishedMs: nowUs / 1000 - 60_000 },
    coverage: [{ labeler: 'language', labelled: 90, queued: 0, failed: 10 }],
    generation: {
      generation: 'g1',
      published_us: nowUs - 5 * minute,
      as_of_us: nowUs - 6 * minute,
      feeds: 3,
      positions: 300,
      serving: 'feeds/generation=g1/serving.arrow',
    },
    participants: 2,
  },
  server: { url: 'http://127.0.0.1:3020', up: true, generation: 'g1', reason: null },
};
const run = (given: Partial<Run>): Run => ({
  runId: 'r1',
  dag: 'cycle',
  host: 'here',
  startedUs: nowUs - minute,
  durationS: 1,
  status: 'done',
  stages: [],
  ...given,
});
const next = (status: Status) => nextSteps(status).join('\n');

describe('what to do next', () => {
  test('a fresh checkout is told how to begin, and nothing else', () => {
    expect(next(fresh)).toMatch(/npm run demo/);
    expect(next(fresh)).toMatch(/feedtrial capture/);
    expect(next(fresh)).not.toMatch(/serve/);
  });

  test('where all is well there is nothing to do', () => {
    expect(nextSteps(healthy)).toEqual(['nothing: it runs']);
  });

  test('a server that is down is to be started', () => {
    const status = { ...healthy, server: fresh.server };
    expect(nextSteps(status)).toEqual(["the feed server is down: 'feedtrial serve' starts it"]);
  });

  test.each([
    ['land', { streams: [{ ...firehose, sealedWaiting: 3 }] }],
    ['transform', { lake: { ...healthy.lake, queue: null, generation: null } }],
    [
      'enrich',
      { lake: { ...healthy.lake, coverage: [{ labeler: 'l', labelled: 0, queued: 5, failed: 0 }] } },
    ],
    ['rank', { lake: { ...healthy.lake, generation: null } }],
  ])('the next stage of the way is named: %s', (stage, given) => {
    expect(nextSteps({ ...healthy, ...given })[0]).toContain(`'feedtrial ${stage}'`);
  });

  test('a capture that waits for room or for its server is said, one that is gone is not', () => {
    const pulse = {
      pid: 1,
      runId: 'r',
      nowMs: nowUs / 1000,
      startedMs: 0,
      ended: false,
      host: 'relay.example',
      connected: true,
      paused: true,
      stalled: 'ENOSPC: no space left on device',
      durableCursor: 77,
      eventUs: nowUs,
      lagSeconds: 2,
      events: 10,
      eventsPerSecond: 1_234.4,
      rejected: { bad_signature: 3 },
      retrying: 0,
      leftOut: { 'app.bsky.feed.like': 5 },
      running: true,
    };
    const of = (capture: typeof pulse | (Omit<typeof pulse, 'stalled'> & { stalled: null })): Status => ({
      ...healthy,
      streams: [{ ...firehose, capture }],
    });
    expect(next(of(pulse))).toMatch(/disk of the spool is full/);
    expect(next(of({ ...pulse, stalled: null, connected: false }))).toMatch(/can't reach relay\.example/);
    expect(next(of({ ...pulse, running: false }))).toBe('nothing: it runs');
    const screen = describeStatus(of(pulse)).join('\n');
    expect(screen).toContain("follows relay.example, 1,234 events/s, lag 2.0 s, can't write: ENOSPC");
    expect(screen).toContain('rejected 3 bad_signature, 5 of other collections left out, durable cursor 77');
  });

  test('a cycle that is at work needs no one to run its stages', () => {
    const status = {
      ...healthy,
      streams: [{ ...firehose, sealedWaiting: 3 }],
      runs: [run({ status: 'running' })],
    };
    expect(nextSteps(status)).toEqual(['nothing: it runs']);
  });

  test('after the demo nobody is sent to capture what is gone', () => {
    const later = { ...healthy, nowUs: nowUs + 10 * minute, runs: [run({ dag: 'demo' })] };
    expect(next(later)).toMatch(/demo has ended/);
    expect(next(later)).not.toMatch(/feedtrial capture/);
    expect(next({ ...later, runs: [run({ dag: 'demo', status: 'running' })] })).toBe('nothing: it runs');
  });

  test('of each kind of run the last one counts: failed, killed, or well again', () => {
    const failed = run({ runId: 'bad', status: 'failed' });
    expect(next({ ...healthy, runs: [failed] })).toContain("'feedtrial runs bad'");
    expect(next({ ...healthy, runs: [run({ status: 'killed' })] })).toContain('was killed');
    expect(next({ ...healthy, runs: [run({}), failed] })).toBe('nothing: it runs');
  });

  test('capture that stopped, gaps, old feeds and an old generation in the server are each said', () => {
    const status: Status = {
      ...healthy,
      nowUs: nowUs + 400 * minute,
      lake: {
        ...healthy.lake,
        gaps: [
          { kind: 'crash', open: 2, oldestUs: null },
          { kind: 'first_start', open: 1, oldestUs: null },
          { kind: 'chain_break', open: 5, oldestUs: null },
        ],
      },
      server: { ...healthy.server, generation: 'g0' },
    };
    expect(next(status)).toMatch(/nothing has come in for 6\.7 h/);
    expect(next(status)).toMatch(/2 open gaps: .*'feedtrial backfill --window/);
    expect(next(status)).toMatch(/5 open gaps of single repositories: 'feedtrial backfill --gaps'/);
    expect(next(status)).toMatch(/feeds are 6\.8 h old/);
    expect(next(status)).toMatch(/serves g0, g1 is published/);
  });
});

test('lag counts to the newest durable event, in the spool or in the lake', () => {
  expect(lastDurableEventUs(healthy)).toBe(nowUs - minute);
  expect(lastDurableEventUs({ ...healthy, streams: [] })).toBe(nowUs - 10 * minute);
  expect(lastDurableEventUs(fresh)).toBeNull();
});

test('the screen fits a terminal and shows coverage as a share of what should be labelled', () => {
  const lines = describeStatus({ ...healthy, runs: Array.from({ length: 30 }, () => run({})) });
  expect(lines.length).toBeLessThan(30);
  expect(lines.join('\n')).toContain('90.0% of 100, 10 without an answer');
  expect(lines.join('\n')).toContain('lag 60 s');
});
