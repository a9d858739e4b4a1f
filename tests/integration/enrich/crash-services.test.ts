import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { labelers } from '../../../enrich/index.ts';
import { seededRandom } from '../../../enrich/students/evaluate.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import type { PerspectiveReport } from '../../fakes/perspective-process.ts';
import { startFakeProcess } from '../../fakes/process.ts';
import type { OpenaiReport } from '../../fakes/openai-process.ts';
import { finishedIn, startEnrich } from './killed.ts';
import { publishQueue, storedLabels } from './queue.ts';

it('Perspective is never asked again about a post whose labels were finished when a run was killed', async () => {
  const config = configIn(temporaryFolder());
  const perspective = labelers.find(({ name }) => name === 'perspective') as (typeof labelers)[number];
  const version = await perspective.version(config);
  const uriOf = (i: number) => `at://did:plc:author/app.bsky.feed.post/${i}`;
  const posts = 700;
  await publishQueue(
    config,
    Array.from({ length: posts }, (_, i) => ({
      labeler: 'perspective',
      version,
      uri: uriOf(i),
      text: `text ${i}`,
    })),
  );
  const fake = await startFakeProcess<PerspectiveReport>('perspective-process.ts', {
    latencyMs: [5, 60],
    perSecond: 1000,
  });
  onTestFinished(() => fake.close());
  const env = {
    ...process.env,
    FEEDTRIAL_LAKE: config.lake,
    FEEDTRIAL_SPOOL: config.spool,
    FEEDTRIAL_PERSPECTIVE_URL: fake.url,
    FEEDTRIAL_PERSPECTIVE_KEYS: 'a-key-for-tests',
    FEEDTRIAL_PERSPECTIVE_RATE: '400',
  };
  const start = () => startEnrich(['perspective'], env);
  const random = seededRandom(3);
  const finished = new Set<string>();
  let asked = 0;
  let kills = 0;
  for (let round = 0; round < 4; round++) {
    const child = start();
    const exited = once(child, 'exit');
    const target = asked + 20 + Math.floor(random() * 100);
    while (child.exitCode === null && (await fake.report()).requests < target) await sleep(5);
    // the first is killed while its requests are in flight, the others once some of theirs are answered for good
    const durable = round === 0 ? 0 : 20;
    while (child.exitCode === null && finishedIn(config.spool, 'perspective-1of1').length < durable)
      await sleep(5);
    await sleep(random() * 30);
    child.kill('SIGKILL');
    await exited;
    if (child.signalCode === 'SIGKILL') kills++;
    const { texts } = await fake.report();
    for (const text of texts.slice(asked))
      expect(finished.has(uriOf(Number(text.split(' ')[1]))), `${text} was asked about again`).toBe(false);
    asked = texts.length;
    for (const uri of finishedIn(config.spool, 'perspective-1of1')) finished.add(uri);
  }
  expect(kills).toBeGreaterThanOrEqual(3);
  expect(finished.size).toBeGreaterThan(50);

  const last = start();
  await once(last, 'exit');
  expect(last.exitCode).toBe(0);
  const { texts } = await fake.report();
  const again = texts.slice(asked).map((text) => uriOf(Number(text.split(' ')[1])));
  expect(again.filter((uri) => finished.has(uri))).toEqual([]);
  const rows = await storedLabels(config);
  expect(rows).toHaveLength(posts * 21);
  expect(new Set(rows.map((row) => `${row['uri'] as string} ${row['label'] as string}`)).size).toBe(
    posts * 21,
  );
});

/** Posts for llm_sociopolitical, a fake of its endpoint in a process of its own, and how to start a run. */
async function llmQueue(posts: number, options: object) {
  const config = configIn(temporaryFolder());
  const labeler = labelers.find(({ name }) => name === 'llm_sociopolitical') as (typeof labelers)[number];
  const version = await labeler.version(config);
  const uriOf = (i: number) => `at://did:plc:author/app.bsky.feed.post/${i}`;
  await publishQueue(
    config,
    Array.from({ length: posts }, (_, i) => ({
      labeler: labeler.name,
      version,
      uri: uriOf(i),
      text: `text ${i}`,
    })),
  );
  const fake = await startFakeProcess<OpenaiReport>('openai-process.ts', options);
  onTestFinished(() => fake.close());
  const env = {
    ...process.env,
    FEEDTRIAL_LAKE: config.lake,
    FEEDTRIAL_SPOOL: config.spool,
    FEEDTRIAL_LLM_URL: fake.url,
    FEEDTRIAL_LLM_KEY: 'a-key-for-tests',
  };
  const labelled = async (): Promise<string[]> =>
    (await storedLabels(config)).map((row) => `${row['uri'] as string} ${row['label'] as string}`);
  return {
    config,
    fake,
    uriOf,
    labelled,
    start: (...args: string[]) => startEnrich(['llm_sociopolitical', ...args], env),
  };
}

it('an LLM is never asked again about a post whose labels were finished when a run was killed', async () => {
  const posts = 120;
  const { config, fake, uriOf, labelled, start } = await llmQueue(posts, {
    one: 120,
    ten: 1_000,
    spread: 0.5,
  });
  const random = seededRandom(5);
  const finished = new Set<string>();
  let asked = 0;
  for (let round = 0; round < 2; round++) {
    const child = start();
    const exited = once(child, 'exit');
    const before = finished.size;
    while (
      child.exitCode === null &&
      new Set(finishedIn(config.spool, 'llm_sociopolitical-1of1')).size < before + 10
    )
      await sleep(5);
    await sleep(random() * 40);
    child.kill('SIGKILL');
    await exited;
    const { texts } = await fake.report();
    for (const text of texts.slice(asked))
      expect(finished.has(uriOf(Number(text.split(' ')[1])))).toBe(false);
    asked = texts.length;
    for (const uri of finishedIn(config.spool, 'llm_sociopolitical-1of1')) finished.add(uri);
  }
  expect(finished.size).toBeGreaterThanOrEqual(10);
  const last = start();
  await once(last, 'exit');
  expect(last.exitCode).toBe(0);
  const { texts } = await fake.report();
  expect(texts.slice(asked).filter((text) => finished.has(uriOf(Number(text.split(' ')[1]))))).toEqual([]);
  const rows = await labelled();
  expect(rows).toHaveLength(posts * 2);
  expect(new Set(rows).size).toBe(posts * 2);
});

it('a batch is paid for once, whether the run was killed while it sent it off or while it fetched its answers', async () => {
  const posts = 60;
  const { fake, labelled, start } = await llmQueue(posts, { batchPolls: 1 });
  const sending = start('--batch');
  const sent = once(sending, 'exit');
  while (sending.exitCode === null && (await fake.report()).batchTexts.length === 0) await sleep(1);
  sending.kill('SIGKILL');
  await sent;
  const random = seededRandom(7);
  for (let round = 0; round < 2; round++) {
    const fetching = start('--batch');
    const exited = once(fetching, 'exit');
    await sleep(300 + random() * 1_500);
    fetching.kill('SIGKILL');
    await exited;
  }
  for (let run = 0; run < 6 && (await labelled()).length < posts * 2; run++)
    await once(start('--batch'), 'exit');
  const rows = await labelled();
  expect(rows).toHaveLength(posts * 2);
  expect(new Set(rows).size).toBe(posts * 2);
  const { batchTexts, texts } = await fake.report();
  expect(batchTexts).toHaveLength(posts);
  expect(new Set(batchTexts).size).toBe(posts);
  expect(texts).toEqual([]);
});
