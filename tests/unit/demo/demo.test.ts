import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ExplainedPost, FeedSummary } from '../../../ops/demo/explain.ts';
import { claimFolder, demoConfig, writeEnvironment } from '../../../ops/demo/folder.ts';
import { readOptions } from '../../../ops/demo/options.ts';
import { freePortOr } from '../../../ops/demo/port.ts';
import { formatComparison, formatSummaries, type ShownFeed } from '../../../ops/demo/print.ts';
import { simulatedDids } from '../../../ops/demo/simulated.ts';
import { isAccountDid } from '../../../study/index.ts';
import { temporaryFolder } from '../../folders.ts';

const post = (fields: Partial<ExplainedPost> = {}): ExplainedPost => ({
  participantId: 'p_1',
  arm: 'treatment',
  policy: 'treatment',
  place: 1,
  uri: 'at://did:plc:a/app.bsky.feed.post/1',
  authorDid: 'did:plc:abcdefghijklmnopqrstuvwx',
  handle: 'quiet-otter.test',
  text: 'The tram is late.',
  eventUs: 1,
  ageHours: 3.25,
  likes: 12,
  score: 4.5678,
  likeScore: 2.56,
  freshnessScore: 2.11,
  treatmentMultiplier: 0.978,
  superposterMultiplier: 0.95,
  toxic: 0.8,
  constructive: 0.2,
  sociopolitical: 0.9,
  isSuperposter: false,
  isInNetwork: true,
  positionBeforeShuffle: 1,
  ...fields,
});
const feed = (posts: ExplainedPost[], summary?: FeedSummary): ShownFeed => ({
  title: 'treatment',
  reader: 'someone',
  posts,
  summary,
});

describe('the comparison', () => {
  test('shows of each post who wrote it, what it says, its score and the parts that make it', () => {
    const text = formatComparison([feed([post()])], { columns: 120, positions: 3, color: false });
    for (const part of [
      'quiet-otter',
      'The tram is late.',
      '4.57 = (2.56 likes + 2.11 fresh) x T0.978 x S0.95',
      'toxic 0.80',
      'follows',
      '3.3 h',
    ])
      expect(text).toContain(part);
  });

  test('says that a value is absent instead of making one up', () => {
    const text = formatComparison(
      [feed([post({ toxic: null, constructive: null, sociopolitical: null, text: null })])],
      {
        columns: 120,
        positions: 1,
        color: false,
      },
    );
    expect(text).toContain('toxic - constructive - civic -');
    expect(text).toContain('its text is gone');
  });

  test.each([40, 80, 100, 168, 240])(
    'keeps within %i columns, wide characters and colours included',
    (columns) => {
      const posts = [
        post({ text: '今朝、駅のホームで昔の友だちに会って、一日中笑顔でした。'.repeat(4) }),
        post({ text: '🚲'.repeat(200) }),
      ];
      const text = formatComparison([feed(posts), feed(posts), feed(posts)], {
        columns,
        positions: 2,
        color: true,
      });
      for (const line of stripVTControlCharacters(text).split('\n')) {
        const width = [...line].reduce(
          (sum, c) => sum + (/[\u3000-\u9fff\uff00-\uffef]|\p{Emoji_Presentation}/u.test(c) ? 2 : 1),
          0,
        );
        expect(width).toBeLessThanOrEqual(columns);
      }
    },
  );

  test('lets no post steer the terminal', () => {
    const text = formatComparison(
      [feed([post({ text: 'a\u001b[2Jb\u0007c\r\nd\u202ee', handle: 'x\u001b[31m.test' })])],
      {
        columns: 100,
        positions: 1,
        color: false,
      },
    );
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
  });

  test('sums up each feed in a column of its own', () => {
    const summary: FeedSummary = {
      participantId: 'p_1',
      arm: 'treatment',
      posts: 100,
      meanToxic: 0.1234,
      meanConstructive: null,
      civicPosts: 3,
      meanLikes: 10,
      meanAgeHours: 2,
      inNetworkPosts: 20,
      superposterPlace: null,
      superposterPosts: 0,
    };
    const text = formatSummaries([feed([], summary), feed([])], 20);
    expect(text).toMatch(/mean toxic +0\.123 +-/);
    expect(text).toMatch(/mean constructive +- +-/);
    expect(text).toMatch(/superposter's best place \* +none/);
  });
});

describe('the options', () => {
  test('have defaults that show everything', () => {
    expect(readOptions([])).toMatchObject({
      live: false,
      exit: false,
      seed: 'feedtrial',
      port: 3020,
      portGiven: false,
    });
  });

  test('are read', () => {
    expect(readOptions(['--exit', '--seed', 'x', '--port', '0'])).toMatchObject({
      exit: true,
      seed: 'x',
      port: 0,
      portGiven: true,
    });
    expect(readOptions(['--live', '--seconds', '20'])).toMatchObject({ live: true, seconds: 20 });
  });

  test.each([
    ['--sceed'],
    ['--seconds', '20'],
    ['--live', '--seconds', 'soon'],
    ['--port', '70000'],
    ['extra'],
  ])('that make no sense are refused as wrong usage: %s %s', (...args) => {
    expect(() => readOptions(args)).toThrow(expect.objectContaining({ code: 'FT_DEMO_USAGE', exitCode: 2 }));
  });
});

describe('the folder', () => {
  test('says to a shell how to point the CLI at the demo, quotes in its path included', () => {
    const folder = path.join(temporaryFolder(), "somebody's demo");
    mkdirSync(folder);
    writeEnvironment(folder, { FEEDTRIAL_PORT: '4711' });
    const script = `. "$0" && printf '%s %s' "$FEEDTRIAL_LAKE" "$FEEDTRIAL_PORT"`;
    const printed = execFileSync('sh', ['-c', script, path.join(folder, 'env')], { encoding: 'utf8' });
    expect(printed).toBe(`${folder}/lake 4711`);
  });

  test('is emptied, and temporary files go into it until it is given back', () => {
    const folder = path.join(temporaryFolder(), 'demo');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'old'), '');
    const before = os.tmpdir();
    const giveBack = claimFolder(folder);
    onTestFinished(giveBack);
    expect(existsSync(path.join(folder, 'old'))).toBe(false);
    expect(os.tmpdir().startsWith(folder)).toBe(true);
    expect(readFileSync(path.join(folder, 'env'), 'utf8')).toContain(`FEEDTRIAL_LAKE='${folder}/lake'`);
    giveBack();
    expect(os.tmpdir()).toBe(before);
    expect(existsSync(path.join(folder, 'tmp'))).toBe(false);
  });

  test('of a demo that still runs is left alone; that of a dead one is taken over', () => {
    const folder = path.join(temporaryFolder(), 'demo');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'demo.pid'), String(process.ppid));
    writeFileSync(path.join(folder, 'precious'), '');
    expect(() => claimFolder(folder)).toThrow(
      expect.objectContaining({ code: 'FT_DEMO_RUNNING', exitCode: 2 }),
    );
    expect(existsSync(path.join(folder, 'precious'))).toBe(true);
    writeFileSync(path.join(folder, 'demo.pid'), '2147483646');
    claimFolder(folder)();
  });

  test("keeps the demo off the caller's own lake, whatever their environment says", () => {
    const folder = temporaryFolder();
    const config = demoConfig(folder, {
      FEEDTRIAL_LAKE: 's3://theirs',
      FEEDTRIAL_STUDY_DB: 'postgres://theirs',
      FEEDTRIAL_THREADS: '1',
    });
    expect(config.lake).toBe(path.join(folder, 'lake'));
    expect(config.privateLake.startsWith(folder)).toBe(true);
    expect(config.spool.startsWith(folder)).toBe(true);
    expect(config.studyDb.startsWith(folder)).toBe(true);
    expect(config.threads).toBe(1);
  });
});

test('a port that is taken gives way to a free one', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const taken = (server.address() as { port: number }).port;
  expect(await freePortOr(taken)).toBe(0);
});

test('simulated participants have DIDs of the right form, each another, always the same', () => {
  const dids = simulatedDids(9);
  expect(new Set(dids).size).toBe(9);
  for (const did of dids) expect(isAccountDid(did)).toBe(true);
  expect(simulatedDids(9)).toEqual(dids);
});
