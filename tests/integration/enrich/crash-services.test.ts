import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { labelers } from '../../../enrich/index.ts';
import { seededRandom } from '../../../enrich/students/evaluate.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import type { PerspectiveReport } from '../../fakes/perspective-process.ts';
import { startFakeProcess } from '../../fakes/process.ts';
import { publishQueue, storedLabels } from './queue.ts';

const node24 = path.join(projectRoot, 'node_modules/node/bin/node');

/** Posts whose labels are durable in a journal: whole lines, read independently of the code that writes them. */
function finishedIn(spool: string, stream: string): string[] {
  const folder = path.join(spool, 'labels', stream);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.open') || name.endsWith('.ndjson'))
    .flatMap((name) => {
      let content: string;
      try {
        content = readFileSync(path.join(folder, name), 'utf8');
      } catch {
        return []; // it has just become Parquet
      }
      return content
        .slice(0, content.lastIndexOf('\n') + 1)
        .split('\n')
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as { uri: string }).uri);
    });
}

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
  const start = () =>
    spawn(
      node24,
      [
        '--disable-warning=ExperimentalWarning',
        path.join(projectRoot, 'ops/cli/main.ts'),
        '--json',
        'enrich',
        'perspective',
      ],
      { env, stdio: 'ignore' },
    );
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
    const durable = round === 0 ? 0 : 20 * 21;
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
