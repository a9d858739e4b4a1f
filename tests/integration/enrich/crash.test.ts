import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { enrich } from '../../../enrich/index.ts';
import { seededRandom } from '../../../enrich/students/evaluate.ts';
import { projectRoot } from '../../../ops/config/config.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { publishQueue, storedLabels } from './queue.ts';
import { asksIn, recordingLabeler } from './recording-labeler.ts';

const node24 = path.join(projectRoot, 'node_modules/node/bin/node');
const posts = 400;
const queueRows = Array.from({ length: posts }, (_, i) => ({
  labeler: 'recording',
  version: '1',
  uri: `at://did:plc:author/app.bsky.feed.post/${i}`,
  text: `post ${i}`,
}));

/** What is durable in the journal: whole lines, read independently of the code that writes them. */
function finishedIn(spool: string): Map<string, number> {
  const folder = path.join(spool, 'labels', 'recording-1of1');
  const finished = new Map<string, number>();
  if (!existsSync(folder)) return finished;
  for (const name of readdirSync(folder).filter((one) => one.endsWith('.open') || one.endsWith('.ndjson'))) {
    const content = readFileSync(path.join(folder, name), 'utf8');
    for (const line of content
      .slice(0, content.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean)) {
      const { uri, rows } = JSON.parse(line) as { uri: string; rows: { score: number }[] };
      finished.set(uri, rows[0]?.score ?? NaN);
    }
  }
  return finished;
}

it('a run that is killed again and again loses no finished label and asks for none of them twice', async () => {
  const folder = temporaryFolder();
  const config = configIn(folder);
  await publishQueue(config, queueRows);
  const env = {
    ...process.env,
    FEEDTRIAL_LAKE: config.lake,
    FEEDTRIAL_SPOOL: config.spool,
    FEEDTRIAL_LOG_LEVEL: 'silent',
  };
  const random = seededRandom(11);
  const finished = new Map<string, number>(); // label that each post had when a run died
  let kills = 0;
  for (let round = 1; round <= 5; round++) {
    const asksFile = path.join(folder, `asks-${round}`);
    const child = spawn(
      node24,
      [
        '--disable-warning=ExperimentalWarning',
        path.join(import.meta.dirname, 'enrich-process.ts'),
        asksFile,
        String(round / 10),
      ],
      { env, stdio: 'ignore' },
    );
    const exited = once(child, 'exit');
    const target = 20 + Math.floor(random() * 60);
    while (child.exitCode === null && asksIn(asksFile).length < target) await sleep(1);
    await sleep(random() * 10);
    child.kill('SIGKILL');
    await exited;
    if (child.signalCode === 'SIGKILL') kills++;
    for (const uri of asksIn(asksFile)) expect(finished.has(uri), `${uri} was asked about again`).toBe(false);
    for (const [uri, score] of finishedIn(config.spool)) finished.set(uri, score);
  }
  expect(kills).toBeGreaterThanOrEqual(3);
  expect(finished.size).toBeGreaterThan(50);

  const lastAsks = path.join(folder, 'asks-last');
  const summary = await enrich({ config, known: [recordingLabeler(lastAsks, 0.9, 0)] });
  expect(summary.status).toBe('done');
  expect(asksIn(lastAsks).filter((uri) => finished.has(uri))).toEqual([]);

  const rows = await storedLabels(config);
  expect(rows.map((row) => row.uri)).toEqual(queueRows.map((row) => row.uri).sort());
  for (const row of rows) {
    const before = finished.get(row.uri as string);
    if (before !== undefined) expect(row.score).toBe(before);
  }
  const [again] = (await enrich({ config, known: [recordingLabeler(lastAsks, 0.9, 0)] })).labelers;
  expect(again).toMatchObject({ queued: 0, ok: 0 });
});

it('a run that died between writing Parquet and clearing its journal leaves no label twice', async () => {
  const folder = temporaryFolder();
  const config = configIn(folder);
  await publishQueue(config, queueRows);
  const asksFile = path.join(folder, 'asks');
  const stop = new AbortController();
  const inner = recordingLabeler(asksFile, 0.5, 0);
  const journals = path.join(config.spool, 'labels', 'recording-1of1');
  const kept = path.join(folder, 'kept');
  const labeler: typeof inner = {
    ...inner,
    async open(context) {
      const opened = await inner.open(context);
      return {
        ...opened,
        // when asking has ended, all rows are in the journal and none in Parquet: what a killed run would leave
        async close() {
          cpSync(journals, kept, { recursive: true, filter: (source) => !source.includes('lock') });
          await opened.close();
        },
      };
    },
  };
  await enrich({ config, known: [labeler], signal: stop.signal });
  const before = await storedLabels(config);
  expect(before).toHaveLength(posts);
  cpSync(kept, journals, { recursive: true });
  const summary = await enrich({ config, known: [labeler] });
  expect(summary.labelers[0]?.queued).toBe(0);
  expect(await storedLabels(config)).toEqual(before);
  expect(asksIn(asksFile)).toHaveLength(posts);
});
