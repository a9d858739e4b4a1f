import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { enrich, labelers } from '../../../enrich/index.ts';
import { journalFolder } from '../../../enrich/journal.ts';
import { openBatches } from '../../../enrich/llm/batches.ts';
import { openEndpoint } from '../../../enrich/llm/labeler.ts';
import { sociopolitical } from '../../../enrich/llm/tasks/sociopolitical.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { startFakeOpenai, type FakeOpenaiOptions } from '../../fakes/openai.ts';
import { publishQueue, storedLabels } from './queue.ts';

const name = 'llm_sociopolitical';

async function withTexts(
  texts: readonly string[],
  options: FakeOpenaiOptions = {},
  env: Record<string, string> = {},
) {
  const fake = await startFakeOpenai(options);
  onTestFinished(() => fake.close());
  const config = configIn(temporaryFolder(), {
    FEEDTRIAL_LLM_URL: fake.url,
    FEEDTRIAL_LLM_KEY: 'a-key-for-tests',
    ...env,
  });
  const version = await (labelers.find((one) => one.name === name) as (typeof labelers)[number]).version(
    config,
  );
  await publishQueue(
    config,
    texts.map((text, i) => ({
      labeler: name,
      version,
      uri: `at://did:plc:author/app.bsky.feed.post/${i}`,
      text,
    })),
  );
  const run = (wait = false) => enrich({ config, labelers: [name], batch: { wait, pollMs: 10 } });
  return { fake, config, version, run };
}

const texts = Array.from({ length: 40 }, (_, i) => `${i % 2 === 0 ? 'The senate votes' : 'Soup'} ${i}`);

describe('the Batch API', () => {
  it('takes the queue off in one run and brings the answers in another, at half the price, each post asked once', async () => {
    const { fake, config, run } = await withTexts(texts, { batchPolls: 3 });
    const sent = await run();
    expect(sent).toMatchObject({ status: 'partial', labelers: [{ queued: 40, ok: 0, status: 'stopped' }] });
    expect(await enrich({ config, labelers: [name] })).toMatchObject({ labelers: [{ ok: 0 }] });
    expect(await run()).toMatchObject({ labelers: [{ queued: 0 }] });
    const done = await run(true);
    expect(done).toMatchObject({ status: 'done', labelers: [{ ok: 40, failed: 0 }] });
    expect(fake.batches).toBe(1);
    expect(fake.requests).toEqual([]);
    expect(fake.batchTexts.toSorted()).toEqual(texts.toSorted());
    const rows = await storedLabels(config);
    expect(rows).toHaveLength(80);
    for (const row of rows.filter((one) => one['label'] === 'sociopolitical')) {
      expect(row['score']).toBe(Number(String(row['uri']).split('/').at(-1)) % 2 === 0 ? 1 : 0);
      const full = (Number(row['tokens_in']) * 0.15 + Number(row['tokens_out']) * 0.6) / 1e6;
      expect(Number(row['cost_usd'])).toBeCloseTo(full / 2, 9);
    }
    expect(readdirSync(path.join(journalFolder(config), 'batches', name, '1of1'))).toEqual([]);
  });

  it('keeps what failed or expired in it as failures of those posts alone', async () => {
    const { run, config } = await withTexts(texts.slice(0, 10), {
      batchPolls: 0,
      batchFails: (_, text) => (text.endsWith(' 3') ? 'expired' : text.endsWith(' 4') ? 'error' : undefined),
    });
    expect(await run(true)).toMatchObject({ status: 'done', labelers: [{ ok: 8, failed: 2 }] });
    expect((await storedLabels(config)).filter((row) => row['status'] === 'failed')).toHaveLength(2);
  });

  it('is not made a second time by a run after one that died before it heard its number', async () => {
    const { fake, config, version, run } = await withTexts(texts, { batchPolls: 0 });
    const folder = path.join(journalFolder(config), 'batches', name, '1of1');
    const endpoint = await openEndpoint(sociopolitical, config);
    const dying = Object.create(endpoint.client, {
      batches: {
        value: {
          create: async (...args: Parameters<typeof endpoint.client.batches.create>) => {
            await endpoint.client.batches.create(...args);
            throw new Error('the process died here');
          },
        },
      },
    }) as typeof endpoint.client;
    const batches = openBatches({
      task: sociopolitical,
      endpoint: { ...endpoint, client: dying },
      version,
      folder,
      spend: { reserve: () => ({ settle() {} }), runUsd: 0, dayUsd: 0 },
    });
    const posts = texts.map((text, i) => ({
      uri: `at://did:plc:author/app.bsky.feed.post/${i}`,
      cid: `cid-of-at://did:plc:author/app.bsky.feed.post/${i}`,
      did: 'did:plc:author',
      text,
      attempt: 1,
      embedding: null,
    }));
    await expect(batches.send(posts)).rejects.toThrow('died here');
    expect(await run(true)).toMatchObject({ status: 'done', labelers: [{ queued: 0, ok: 40 }] });
    expect(fake.batches).toBe(1);
    expect(fake.batchTexts).toHaveLength(40);
  });

  it('is not sent where it could cost more than the ceiling', async () => {
    const { fake, run } = await withTexts(texts, {}, { FEEDTRIAL_LLM_MAX_USD_RUN: '0.0001' });
    expect(await run()).toMatchObject({
      status: 'partial',
      labelers: [{ error: expect.stringContaining('FT_LLM_CEILING') as string }],
    });
    expect(fake.batches).toBe(0);
  });

  it('is refused for labelers that are no LLM', async () => {
    const { config } = await withTexts(texts);
    await expect(enrich({ config, labelers: ['language'], batch: { wait: false } })).rejects.toMatchObject({
      code: 'FT_ENRICH_NO_BATCHES',
      exitCode: 2,
    });
  });
});
