import { describe, expect, it } from 'vitest';
import { enrich, type Labeler, type QueuedPost } from '../../../enrich/index.ts';
import { journalFolder, openJournal } from '../../../enrich/journal.ts';
import { openEngine, openLake } from '../../../lake/index.ts';
import { FeedtrialError } from '../../../ops/errors/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { publishQueue, storedLabels, type QueueRow } from './queue.ts';

type Ask = Awaited<ReturnType<Labeler['open']>>['ask'];

/** A labeler for tests with a given way to answer. */
const labelerThat = (ask: Ask, more: Partial<Labeler> = {}): Labeler => ({
  name: 'tested',
  labels: ['mark'],
  batchSize: 20,
  concurrency: 1,
  ratePerSecond: null,
  version: async () => '1',
  open: async () => ({ ask, close: async () => {} }),
  ...more,
});

const half = (posts: readonly QueuedPost[]) =>
  posts.map(() => ({ status: 'ok' as const, values: [{ label: 'mark', score: 0.5 }] }));

const queueOf = (count: number, more: Partial<QueueRow> = {}): QueueRow[] =>
  Array.from({ length: count }, (_, i) => ({
    labeler: 'tested',
    version: '1',
    uri: `at://did:plc:author/app.bsky.feed.post/${String(i).padStart(4, '0')}`,
    text: `post ${i}`,
    ...more,
  }));

describe('a bad post', () => {
  it('costs only itself: the rest of its batch is labelled, and it keeps its attempt and the reason', async () => {
    const config = configIn(temporaryFolder());
    const rows = queueOf(60, { attempt: 2 });
    (rows[7] as QueueRow).text = 'poison';
    (rows[33] as QueueRow).text = 'poison';
    await publishQueue(config, rows);
    const labeler = labelerThat(async (posts) => {
      if (posts.some((post) => post.text === 'poison')) throw new Error('can not read this');
      return half(posts);
    });
    const summary = await enrich({ config, known: [labeler] });
    expect(summary.status).toBe('done');
    expect(summary.labelers[0]).toMatchObject({ queued: 60, ok: 58, failed: 2 });
    const stored = await storedLabels(config);
    expect(stored.filter((row) => row.status === 'ok')).toHaveLength(58);
    expect(stored.filter((row) => row.status !== 'ok')).toEqual(
      [7, 33].map((i): unknown =>
        expect.objectContaining<Record<string, unknown>>({
          uri: rows[i]?.uri,
          label: '*',
          score: null,
          status: 'failed',
          error: 'can not read this',
          attempt: 2,
        }),
      ),
    );
  });

  it('is not asked about again at the same attempt, and is at the next one', async () => {
    const config = configIn(temporaryFolder());
    const asked: number[] = [];
    const labeler = labelerThat(async (posts) => {
      asked.push(...posts.map((post) => post.attempt));
      return posts.map(() => ({ status: 'failed', error: 'no' }));
    });
    await publishQueue(config, queueOf(1));
    await enrich({ config, known: [labeler] });
    await enrich({ config, known: [labeler] });
    expect(asked).toEqual([1]);
    await publishQueue(config, queueOf(1, { attempt: 2 }));
    await enrich({ config, known: [labeler] });
    expect(asked).toEqual([1, 2]);
    expect((await storedLabels(config)).map((row) => row.attempt)).toEqual([1, 2]);
  });

  it.each([NaN, -0.1, 1.1, Infinity])(
    'is what a score of %d is taken for: no such number is stored',
    async (bad) => {
      const config = configIn(temporaryFolder());
      await publishQueue(config, queueOf(3));
      const labeler = labelerThat(async (posts) =>
        posts.map((post) => ({
          status: 'ok',
          values: [{ label: 'mark', score: post.text === 'post 1' ? bad : 0.5 }],
        })),
      );
      const summary = await enrich({ config, known: [labeler] });
      expect(summary.labelers[0]).toMatchObject({ ok: 2, failed: 1 });
      const [, second] = await storedLabels(config);
      expect(second).toMatchObject({ status: 'failed', score: null });
      expect(second?.error).toContain('FT_ENRICH_ANSWER');
    },
  );

  it('of a cid is not the post of another: an edited post is asked about again', async () => {
    const config = configIn(temporaryFolder());
    const labeler = labelerThat(async (posts) => half(posts));
    await publishQueue(config, queueOf(1, { cid: 'first' }));
    await enrich({ config, known: [labeler] });
    await publishQueue(config, queueOf(1, { cid: 'second' }));
    const summary = await enrich({ config, known: [labeler] });
    expect(summary.labelers[0]?.ok).toBe(1);
  });
});

describe('a labeler that can not go on', () => {
  const outOfQuota = () => {
    throw new FeedtrialError('FT_TEST_QUOTA', 'the quota is used up');
  };

  it('holds nothing against the posts, and keeps what it had labelled', async () => {
    const config = configIn(temporaryFolder());
    await publishQueue(config, queueOf(60));
    let batches = 0;
    const labeler = labelerThat(async (posts) => (++batches === 3 ? outOfQuota() : half(posts)));
    await expect(enrich({ config, known: [labeler] })).rejects.toMatchObject({ code: 'FT_TEST_QUOTA' });
    const stored = await storedLabels(config);
    expect(stored).toHaveLength(40);
    expect(stored.every((row) => row.status === 'ok')).toBe(true);
    batches = 10;
    const summary = await enrich({ config, known: [labeler] });
    expect(summary.labelers[0]).toMatchObject({ queued: 20, ok: 20 });
  });

  it('does not stop the others, and the run says that it was done in part', async () => {
    const config = configIn(temporaryFolder());
    await publishQueue(config, [...queueOf(5), ...queueOf(5, { labeler: 'other' })]);
    const summary = await enrich({
      config,
      known: [labelerThat(outOfQuota), labelerThat(async (posts) => half(posts), { name: 'other' })],
    });
    expect(summary.status).toBe('partial');
    expect(summary.labelers).toMatchObject([
      { labeler: 'tested', status: 'failed', error: expect.stringContaining('FT_TEST_QUOTA') as string },
      { labeler: 'other', status: 'done', ok: 5 },
    ]);
  });

  it('is told from bad posts when nothing at all succeeds: no attempt is used up', async () => {
    const config = configIn(temporaryFolder());
    await publishQueue(config, queueOf(200));
    const labeler = labelerThat(async () => {
      throw new Error('the model is broken');
    });
    await expect(enrich({ config, known: [labeler] })).rejects.toMatchObject({
      code: 'FT_ENRICH_ALL_FAILED',
      message: expect.stringContaining('the model is broken') as string,
    });
    expect(await storedLabels(config)).toEqual([]);
  });
});

describe('sharing the work', () => {
  it('two shards label everything once between them; a third run with another count is refused meanwhile', async () => {
    const config = configIn(temporaryFolder());
    await publishQueue(config, queueOf(100));
    const gate = Promise.withResolvers<void>();
    const started = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const asked: string[][] = [[], []];
    const runs = [1, 2].map((index) => {
      const labeler = labelerThat(async (posts) => {
        asked[index - 1]?.push(...posts.map((post) => post.uri));
        started[index - 1]?.resolve();
        await gate.promise;
        return half(posts);
      });
      return enrich({ config, shard: { index, count: 2 }, known: [labeler] });
    });
    await Promise.all(started.map(({ promise }) => promise));
    const third = enrich({ config, known: [labelerThat(async (posts) => half(posts))] });
    await expect(third).rejects.toMatchObject({ code: 'FT_ENRICH_BUSY' });
    gate.resolve();
    const summaries = await Promise.all(runs);
    expect(summaries.map(({ labelers: [one] }) => one?.ok)).toEqual(asked.map((uris) => uris.length));
    expect(asked.flat().sort()).toEqual(queueOf(100).map((row) => row.uri));
    expect(await storedLabels(config)).toHaveLength(100);
  });

  it('a second run of the same shard is refused, and asks nothing', async () => {
    const config = configIn(temporaryFolder());
    await publishQueue(config, queueOf(5));
    const engine = await openEngine();
    const journal = await openJournal({
      spool: journalFolder(config),
      lake: openLake(config.lake),
      engine,
      labeler: 'tested',
    });
    let asked = 0;
    const labeler = labelerThat(async (posts) => {
      asked += posts.length;
      return half(posts);
    });
    await expect(enrich({ config, known: [labeler] })).rejects.toMatchObject({ code: 'FT_ENRICH_BUSY' });
    expect(asked).toBe(0);
    await journal.close();
    await engine.close();
    expect((await enrich({ config, known: [labeler] })).labelers[0]?.ok).toBe(5);
  });
});

describe('the order and extent of asking', () => {
  it('--limit takes the first by priority, then the newest, and the next run goes on behind them', async () => {
    const config = configIn(temporaryFolder());
    const rows = queueOf(9).map((row, i) => ({ ...row, priority: (i % 3) + 1 }));
    await publishQueue(config, rows);
    const asked: string[] = [];
    const labeler = labelerThat(async (posts) => {
      asked.push(...posts.map((post) => post.uri));
      return half(posts);
    });
    await enrich({ config, known: [labeler], limit: 4 });
    await enrich({ config, known: [labeler], limit: 4 });
    const byPriority = rows.toSorted((a, b) => a.priority - b.priority || (a.uri < b.uri ? -1 : 1));
    expect(asked).toEqual(byPriority.slice(0, 8).map((row) => row.uri));
  });

  it('a stopped run keeps what it has and says that there is more', async () => {
    const config = configIn(temporaryFolder());
    await publishQueue(config, queueOf(100));
    const stop = new AbortController();
    const labeler = labelerThat(async (posts) => {
      stop.abort();
      return half(posts);
    });
    const summary = await enrich({ config, known: [labeler], signal: stop.signal });
    expect(summary.status).toBe('partial');
    expect(summary.labelers[0]).toMatchObject({ status: 'stopped', ok: 20 });
    expect(await storedLabels(config)).toHaveLength(20);
  });

  it('a rate is kept', async () => {
    const config = configIn(temporaryFolder());
    await publishQueue(config, queueOf(20));
    const startedMs = performance.now();
    await enrich({
      config,
      known: [labelerThat(async (posts) => half(posts), { batchSize: 5, ratePerSecond: 50 })],
    });
    expect(performance.now() - startedMs).toBeGreaterThan(300); // three waits of 100 ms
  });

  it('no queue, and a queue of another version, are told apart from an empty one', async () => {
    const config = configIn(temporaryFolder());
    const labeler = labelerThat(async (posts) => half(posts));
    expect(await enrich({ config, known: [labeler] })).toMatchObject({ publishId: null, labelers: [] });
    await publishQueue(config, queueOf(2, { version: '2' }));
    await expect(enrich({ config, known: [labeler] })).rejects.toMatchObject({
      code: 'FT_ENRICH_VERSION',
      exitCode: 2,
    });
    await publishQueue(config, queueOf(2, { labeler: 'from-the-future' }));
    expect(await enrich({ config, known: [labeler] })).toMatchObject({
      status: 'done',
      labelers: [],
      unknown: ['from-the-future'],
    });
  });
});

describe('--sample', () => {
  it('asks about the same share of the posts in every run, whatever the shards are', async () => {
    const asked: string[] = [];
    const labeler = labelerThat(async (posts) => {
      asked.push(...posts.map((post) => post.uri));
      return half(posts);
    });
    const config = configIn(temporaryFolder());
    await publishQueue(config, queueOf(1_000));
    await enrich({ config, known: [labeler], sample: 0.3 });
    const first = new Set(asked);
    expect(first.size).toBeGreaterThan(230);
    expect(first.size).toBeLessThan(370);
    await enrich({ config, known: [labeler], sample: 0.3 });
    expect(asked).toHaveLength(first.size);
    const other = configIn(temporaryFolder());
    await publishQueue(other, queueOf(1_000));
    asked.length = 0;
    for (const index of [1, 2])
      await enrich({ config: other, known: [labeler], sample: 0.3, shard: { index, count: 2 } });
    expect(new Set(asked)).toEqual(first);
  });
});

describe('a dead letter', () => {
  const dead = (): QueueRow[] => [
    ...queueOf(2, { attempt: 4, is_dead_letter: true }),
    ...queueOf(4).slice(2), // never asked about
  ];

  it('is asked about by --retry failed alone, which asks about nothing that has not failed', async () => {
    const config = configIn(temporaryFolder());
    await publishQueue(config, dead());
    const asked: [string, number][] = [];
    const labeler = labelerThat(async (posts) => {
      asked.push(...posts.map((post): [string, number] => [post.uri.slice(-4), post.attempt]));
      return half(posts);
    });
    const retried = await enrich({ config, known: [labeler], retryFailed: true });
    expect(retried.labelers[0]).toMatchObject({ queued: 2, ok: 2 });
    expect(asked).toEqual([
      ['0000', 4],
      ['0001', 4],
    ]);
    await enrich({ config, known: [labeler] });
    expect(asked.slice(2).map(([uri]) => uri)).toEqual(['0002', '0003']);
  });

  it('that fails again counts its attempts on; one that is answered is asked about no more', async () => {
    const config = configIn(temporaryFolder());
    await publishQueue(config, dead());
    let works = false;
    const labeler = labelerThat(async (posts) =>
      works ? half(posts) : posts.map(() => ({ status: 'failed', error: 'still' })),
    );
    for (let i = 0; i < 2; i++) await enrich({ config, known: [labeler], retryFailed: true });
    works = true;
    expect((await enrich({ config, known: [labeler], retryFailed: true })).labelers[0]?.ok).toBe(2);
    expect((await enrich({ config, known: [labeler], retryFailed: true })).labelers[0]?.queued).toBe(0);
    const stored = (await storedLabels(config)).map(({ uri, status, attempt }) => [
      String(uri).slice(-4),
      status,
      attempt,
    ]);
    for (const uri of ['0000', '0001'])
      expect(stored.filter(([of]) => of === uri)).toEqual([
        [uri, 'failed', 4],
        [uri, 'failed', 5],
        [uri, 'ok', 6],
      ]);
  });
});

describe('a limit that someone set', () => {
  it('stops the labeler cleanly: what it said is kept, and the run says that it was done in part', async () => {
    const config = configIn(temporaryFolder());
    await publishQueue(config, queueOf(60));
    let batches = 0;
    const labeler = labelerThat(async (posts) => {
      if (++batches === 3) throw new FeedtrialError('FT_TEST_CEILING', 'that is enough', { exitCode: 3 });
      return half(posts);
    });
    expect(await enrich({ config, known: [labeler] })).toMatchObject({
      status: 'partial',
      labelers: [{ status: 'stopped', ok: 40, error: 'FT_TEST_CEILING: that is enough' }],
    });
    expect(await storedLabels(config)).toHaveLength(40);
  });
});

it('a family of labelers is asked by what their names begin with', async () => {
  const config = configIn(temporaryFolder());
  await publishQueue(
    config,
    ['tested_one', 'tested_two', 'other'].flatMap((labeler) => queueOf(2, { labeler })),
  );
  const known = ['tested_one', 'tested_two', 'other'].map((name) =>
    labelerThat(async (posts) => half(posts), { name }),
  );
  const summary = await enrich({ config, known, labelers: ['tested'] });
  expect(summary.labelers.map(({ labeler }) => labeler)).toEqual(['tested_one', 'tested_two']);
});
