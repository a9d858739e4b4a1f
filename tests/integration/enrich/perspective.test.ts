import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { enrich, labelers } from '../../../enrich/index.ts';
import { attributes } from '../../../enrich/perspective/attributes.ts';
import { setLogLevel } from '../../../ops/telemetry/log.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { fakeScore, startFakePerspective, type FakePerspectiveOptions } from '../../fakes/perspective.ts';
import { publishQueue, storedLabels } from './queue.ts';

const version = await (
  labelers.find(({ name }) => name === 'perspective') as (typeof labelers)[number]
).version(configIn('/nowhere'));

/** A fake Perspective (it measures nothing) and a queue of texts for it. */
async function withTexts(
  texts: readonly string[],
  options: FakePerspectiveOptions = {},
  keys = 'key-number-one',
) {
  const fake = await startFakePerspective({ perSecond: 500, ...options });
  onTestFinished(() => fake.close());
  const config = configIn(temporaryFolder(), {
    FEEDTRIAL_PERSPECTIVE_URL: fake.url,
    FEEDTRIAL_PERSPECTIVE_KEYS: keys,
    FEEDTRIAL_PERSPECTIVE_RATE: '500',
  });
  const uriOf = (i: number) => `at://did:plc:author/app.bsky.feed.post/${String(i).padStart(4, '0')}`;
  await publishQueue(
    config,
    texts.map((text, i) => ({ labeler: 'perspective', version, uri: uriOf(i), text })),
  );
  return {
    fake,
    config,
    run: () => enrich({ config, labelers: ['perspective'] }),
    rowsOf: async (i: number) => (await storedLabels(config)).filter((row) => row['uri'] === uriOf(i)),
  };
}

const texts = (count: number) => Array.from({ length: count }, (_, i) => `text number ${i}`);

describe('perspective', () => {
  it('asks for the 21 attributes in one request a post, and stores each score under its label', async () => {
    const { fake, run, rowsOf } = await withTexts(texts(30));
    expect((await run()).labelers).toMatchObject([{ ok: 30, failed: 0 }]);
    expect(fake.requests).toHaveLength(30);
    for (const request of fake.requests) {
      expect(request.attributes).toHaveLength(21);
      expect(request.attributes.filter((name) => name.endsWith('_EXPERIMENTAL'))).toHaveLength(12);
      expect(request.path).not.toContain('key');
    }
    const rows = await rowsOf(7);
    expect(rows).toHaveLength(21);
    for (const { label, name } of attributes)
      expect(rows.find((row) => row['label'] === label)).toMatchObject({
        score: fakeScore(name, 'text number 7'),
        status: 'ok',
        version,
      });
  });

  it('goes on without an attribute that the service dropped, asks for it no more, and says which is missing', async () => {
    const { fake, run, rowsOf } = await withTexts(texts(1_000), {
      unknownAttributes: ['SPAM', 'NUANCE_EXPERIMENTAL'],
      silentAttributes: ['FLIRTATION'],
    });
    expect((await run()).labelers).toMatchObject([{ ok: 1_000, failed: 0 }]);
    // each drop costs only the requests that were on their way when it was noticed
    expect(fake.requests.filter(({ attributes: names }) => names.includes('SPAM')).length).toBeLessThan(840);
    const rows = await rowsOf(999);
    expect(rows.filter((row) => row['status'] === 'ok')).toHaveLength(18);
    expect(
      rows
        .filter((row) => row['status'] === 'skipped')
        .map((row) => row['label'])
        .sort(),
    ).toEqual(['FLIRTATION', 'NUANCE', 'SPAM']);
    for (const row of rows.filter((one) => one['status'] === 'skipped'))
      expect(row).toMatchObject({
        score: null,
        error: expect.stringMatching(/^FT_PERSPECTIVE_ATTRIBUTE: /) as string,
      });
  });

  it('loses to a language only the attributes that do not know it, on that post alone', async () => {
    const { run, rowsOf, config } = await withTexts(
      ['an English text', 'ein deutscher Text', 'quite foreign'],
      {
        languageFails: (text, name) =>
          text.startsWith('quite') || (text.startsWith('ein') && name.endsWith('_EXPERIMENTAL')),
      },
    );
    expect((await run()).labelers).toMatchObject([{ ok: 2, refused: 1 }]);
    expect((await rowsOf(0)).filter((row) => row['status'] === 'ok')).toHaveLength(21);
    const german = await rowsOf(1);
    expect(german.filter((row) => row['status'] === 'ok')).toHaveLength(9);
    expect(german.filter((row) => String(row['error']).startsWith('FT_PERSPECTIVE_LANGUAGE'))).toHaveLength(
      12,
    );
    expect(await rowsOf(2)).toMatchObject([{ label: '*', status: 'refused' }]);
    expect(await storedLabels(config)).toHaveLength(43);
  });

  it('asks nothing about an empty text, and tells one that is too long from a failure', async () => {
    const { fake, run, rowsOf } = await withTexts([' ', 'x'.repeat(30_000), 'fine']);
    expect((await run()).labelers).toMatchObject([{ ok: 1, skipped: 1, refused: 1, failed: 0 }]);
    expect(fake.requests).toHaveLength(2);
    expect(await rowsOf(0)).toMatchObject([
      { status: 'skipped', error: expect.stringContaining('FT_PERSPECTIVE_EMPTY') as string },
    ]);
    expect(await rowsOf(1)).toMatchObject([
      { status: 'refused', error: expect.stringContaining('FT_PERSPECTIVE_TOO_LONG') as string },
    ]);
  });

  it('outlives resets, broken JSON, 5xx and 429; only a post that fails each time keeps a failure', async () => {
    const seen = new Map<string, number>();
    const { run, rowsOf, fake } = await withTexts([...texts(40), 'cursed'], {
      fault(_, text) {
        const times = (seen.get(text) ?? 0) + 1;
        seen.set(text, times);
        if (text === 'cursed')
          return {
            kind: 'status',
            status: 503,
            body: { error: { code: 503, message: 'backend', status: 'UNAVAILABLE' } },
          };
        if (times > 1) return undefined;
        const number = Number(text.split(' ').at(-1));
        if (number % 8 === 0) return { kind: 'reset' };
        if (number % 8 === 1) return { kind: 'malformed' };
        if (number % 8 === 2) return { kind: 'status', status: 500 };
        if (number % 8 === 3)
          return {
            kind: 'status',
            status: 429,
            headers: { 'retry-after': '0' },
            body: { error: { code: 429, message: 'slow down', status: 'RESOURCE_EXHAUSTED' } },
          };
        return undefined;
      },
    });
    expect((await run()).labelers).toMatchObject([{ ok: 40, failed: 1 }]);
    expect(fake.requests.filter(({ text }) => text === 'cursed')).toHaveLength(4);
    expect(await rowsOf(40)).toMatchObject([
      { label: '*', status: 'failed', attempt: 1, error: expect.stringContaining('503') as string },
    ]);
  });

  it('goes on with the other keys where one is bad or its day is used up, and stops whole where all are', async () => {
    const { fake, run, config } = await withTexts(
      texts(60),
      { keys: ['first-good-key', 'second-good-key'], perDay: 25 },
      'a-bad-key,first-good-key,second-good-key',
    );
    const summary = await run();
    expect(summary.status).toBe('partial');
    expect(summary.labelers).toMatchObject([
      {
        status: 'stopped',
        ok: 50,
        failed: 0,
        error: expect.stringContaining('FT_PERSPECTIVE_QUOTA') as string,
      },
    ]);
    // nothing is held against the ten posts that are left
    expect(new Set((await storedLabels(config)).map((row) => row['uri'])).size).toBe(50);
    expect(fake.requests.filter(({ key }) => key === 'a-bad-key').length).toBeGreaterThan(0);
  });

  it('says that its keys are bad, and never writes one', async () => {
    const secret = 'sekrit-perspective-key-71';
    vi.stubEnv('FEEDTRIAL_PERSPECTIVE_KEYS', secret);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const lines: string[] = [];
    const write = vi
      .spyOn(process.stderr, 'write')
      .mockImplementation((line) => lines.push(String(line)) > 0);
    setLogLevel('debug');
    onTestFinished(() => {
      write.mockRestore();
      setLogLevel('info');
    });
    const { run } = await withTexts(texts(3), { keys: ['another'] }, secret);
    const failure = await run().then(
      () => '',
      (error: unknown) => `${String(error)} ${JSON.stringify(error)}`,
    );
    expect(failure).toContain('Perspective takes none of the keys');
    expect(lines.join('')).toContain('a Perspective key is out');
    expect(lines.join('') + failure).not.toContain(secret);
  });

  it('stops and holds nothing against the posts where the service is gone', async () => {
    const { run, config } = await withTexts(texts(5), {
      fault: () => ({
        kind: 'status',
        status: 410,
        body: { error: { code: 410, message: 'The API was shut down.', status: 'GONE' } },
      }),
    });
    await expect(run()).rejects.toMatchObject({ code: 'FT_PERSPECTIVE_CLOSED' });
    expect(await storedLabels(config)).toEqual([]);
  });

  it('is passed over by a run for all where no key is set, and an error where it is named', async () => {
    const { config } = await withTexts(texts(2), {}, '');
    const summary = await enrich({ config });
    expect(summary).toMatchObject({ status: 'done', notReady: [{ labeler: 'perspective' }] });
    await expect(enrich({ config, labelers: ['perspective'] })).rejects.toMatchObject({
      code: 'FT_PERSPECTIVE_NO_KEYS',
      exitCode: 2,
    });
  });
});
