import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { journalFolder, openJournal, type JournalRow } from '../../../enrich/journal.ts';
import { ensureTables, openEngine, openLake, type Engine } from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { storedLabels } from './queue.ts';

const labelsOfPost = 21;
const labelledAt = Date.UTC(2026, 6, 4) * 1000;
const uriOf = (i: number): string => `at://did:plc:author/app.bsky.feed.post/${i}`;
const rowsOf = (i: number): JournalRow[] =>
  Array.from({ length: labelsOfPost }, (_, label) => ({
    kind: 'value',
    uri: uriOf(i),
    cid: 'cid',
    version: '1',
    label: `label ${label}`,
    score: label / 100,
    status: 'ok',
    attempt: 1,
    run_id: 'run',
    labelled_at: labelledAt,
  }));

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
  return () => engine.close();
});

const openIn = (config: Config) =>
  openJournal({ spool: journalFolder(config), lake: openLake(config.lake), engine, labeler: 'tested' });

async function freshConfig(): Promise<Config> {
  const config = configIn(temporaryFolder());
  await ensureTables(openLake(config.lake), openLake(config.privateLake), engine);
  return config;
}

/** How many labels of each post are in the lake once a run after a kill has opened and closed the journal. */
async function recovered(config: Config): Promise<Map<string, number>> {
  await (await openIn(config)).close();
  const found = new Map<string, number>();
  for (const { uri } of (await storedLabels(config)) as { uri: string }[])
    found.set(uri, (found.get(uri) ?? 0) + 1);
  return found;
}

it('a journal that was cut off anywhere has all labels of a post, or none', async () => {
  const config = await freshConfig();
  const journal = await openIn(config);
  onTestFinished(() => journal.close());
  await journal.add([...rowsOf(0), ...rowsOf(1)]);
  await journal.add(rowsOf(2));
  const stream = path.join(journalFolder(config), 'tested-1of1');
  const [open = ''] = readdirSync(stream).filter((name) => name.endsWith('.open'));
  const content = readFileSync(path.join(stream, open), 'utf8');
  const ends = [...content.matchAll(/\n/g)].map(({ index }) => index + 1);
  expect(ends).toHaveLength(3);
  const cuts = ends.flatMap((end, i) => {
    const from = ends[i - 1] ?? 0;
    const amidst = [...content.slice(from, end).matchAll(/\},\{/g)].map(({ index }) => from + index + 1);
    return [...amidst.filter((_, nth) => nth % 7 === 3), end - 2, end - 1, end];
  });
  for (const cut of cuts) {
    const killed = await freshConfig();
    const left = path.join(journalFolder(killed), 'tested-1of1');
    mkdirSync(path.dirname(left), { recursive: true });
    cpSync(stream, left, { recursive: true, filter: (source) => !source.includes('lock') });
    truncateSync(path.join(left, open), cut);
    const whole = ends.filter((end) => end <= cut).length;
    expect([...(await recovered(killed))].sort(), `cut at ${cut} of ${content.length}`).toEqual(
      Array.from({ length: whole }, (_, i) => [uriOf(i), labelsOfPost]),
    );
  }
});

it('a journal that a version with a line a label left behind is published', async () => {
  const config = await freshConfig();
  const stream = path.join(journalFolder(config), 'tested-1of1');
  mkdirSync(stream, { recursive: true });
  const data = path.join(stream, `${Date.now()}-left.open`);
  writeFileSync(data, '');
  for (const row of [...rowsOf(0), ...rowsOf(1)]) appendFileSync(data, `${JSON.stringify(row)}\n`);
  expect([...(await recovered(config))].sort()).toEqual([
    [uriOf(0), labelsOfPost],
    [uriOf(1), labelsOfPost],
  ]);
});
