import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../../enrich/students/evaluate.ts';
import { ensureTables, openEngine, openLake } from '../../../lake/index.ts';
import { openDbt } from '../../../ops/dbt/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { uriOf, writeReports, type Report } from './records.ts';
import { readWarehouse } from './warehouse.ts';

silenceProgress();

const hourUs = 3_600_000_000;
const windowUs = 72 * hourUs; // duplicate_window_hours of seeds/filter_parameters.csv
const startUs = Date.UTC(2026, 5, 1) * 1000;
const days = 24;
const collection = 'app.bsky.feed.post';

interface Said {
  uri: string;
  did: string;
  words_md5: string | null;
  event_us: bigint;
}

/** What the table should say of these posts: every pair of one author and the same words is looked at. */
function expected(posts: Said[]): string[] {
  const later = (a: Said, b: Said): boolean =>
    a.event_us === b.event_us ? a.uri > b.uri : a.event_us > b.event_us;
  return posts
    .flatMap((post) => {
      if (post.words_md5 === null) return [];
      const same = posts.filter(
        (other) => other.uri !== post.uri && other.did === post.did && other.words_md5 === post.words_md5,
      );
      const near = same.filter((other) => {
        const apart = other.event_us - post.event_us;
        return (apart < 0n ? -apart : apart) <= BigInt(windowUs);
      });
      if (near.length === 0) return [];
      const before = near.filter((other) => later(post, other)).map((other) => other.event_us);
      const last = before.reduce((most, us) => (us > most ? us : most), -1n);
      return [`${post.uri} ${before.length > 0} ${last < 0n ? null : last}`];
    })
    .sort();
}

test('what an increment says of repeated words is what comparing every pair says, however posts come and go', async () => {
  const config = configIn(temporaryFolder());
  const lake = openLake(config.lake);
  const engine = await openEngine();
  onTestFinished(() => engine.close());
  await ensureTables(lake, openLake(config.privateLake), engine);
  await mkdir(path.dirname(config.warehouse), { recursive: true });
  const dbt = await openDbt(config);
  onTestFinished(() => dbt.close());
  await dbt.run({ command: 'seed' });

  const draw = seededRandom(7);
  const standing = new Map<string, Report>();
  /** Some posts of a stretch of time: few authors with little to say, on a grid, so that moments and distances meet exactly. */
  const postsOf = (name: string, fromDay: number, toDay: number, n: number): Report[] =>
    Array.from({ length: n }, (_, i) => {
      const post: Report = {
        did: `did:plc:${'abc'[Math.floor(draw() * 3)]}`,
        collection,
        rkey: `${name}-${i}`,
        record: { $type: collection, text: `thought number ${Math.floor(draw() * 4)} about the weather` },
        eventUs: startUs + Math.floor((fromDay + draw() * (toDay - fromDay)) * 4) * 6 * hourUs,
      };
      standing.set(uriOf(post), post);
      return post;
    });
  /** Takes back, or says otherwise, some of what stands. */
  const changesOf = (atDay: number, fromDay: number, n: number, operation: 'delete' | 'update'): Report[] =>
    [...standing.entries()]
      .filter(([, { eventUs }]) => eventUs >= startUs + fromDay * 24 * hourUs)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .filter(() => draw() < 0.5)
      .slice(0, n)
      .map(([uri, post], i) => {
        if (operation === 'delete') standing.delete(uri);
        const text = `thought number ${Math.floor(draw() * 4)} about the weather`;
        return {
          ...post,
          operation,
          ...(operation === 'update' ? { record: { $type: collection, text } } : { record: undefined }),
          eventUs: startUs + atDay * 24 * hourUs + i,
        } as Report;
      });

  const pieces: [string, () => Report[]][] = [
    ['the first weeks', () => postsOf('first', 0, 20, 90)],
    ['nothing', () => []],
    ['an hour on top', () => postsOf('hour', 20, 20.25, 6)],
    ['some of the last days taken back', () => changesOf(20.5, 16, 5, 'delete')],
    ['some of the last days said otherwise', () => changesOf(20.75, 16, 5, 'update')],
    ['a few of long ago, from a backfill', () => postsOf('late', 3, 6, 5)],
    ['some of long ago taken back', () => changesOf(21, 0, 6, 'delete')],
    ['some of long ago said otherwise', () => changesOf(21.25, 0, 6, 'update')],
    ['the next days', () => postsOf('next', 21.5, days, 20)],
  ];
  let batches = 0n;
  for (const [i, [piece, reports]] of pieces.entries()) {
    const landed = reports();
    await writeReports(lake, engine, `piece-${i}`, landed);
    if (landed.length > 0) batches += 1n;
    await dbt.run({
      command: 'run',
      select: ['+int_posts__repeated'],
      parameters: { publish_id: `piece-${i}`, as_of_us: startUs + days * 24 * hourUs },
    });
    await readWarehouse(config, async (rows) => {
      const posts = await rows<Said>('SELECT uri, did, words_md5, event_us FROM int_posts__standardised');
      const said = await rows<{ row: string }>(
        `SELECT concat_ws(' ', uri, is_repeated, coalesce(said_before_us::VARCHAR, 'null')) AS row FROM int_posts__repeated ORDER BY row`,
      );
      const pairs = expected(posts);
      expect(pairs.length, piece).toBeGreaterThan(20);
      expect(
        said.map(({ row }) => row),
        piece,
      ).toEqual(pairs);
      const [books] = await rows<{ batch: bigint }>('SELECT batch FROM folding.int_posts__repeated');
      expect(books?.batch, piece).toBe(batches); // built on, never anew
    });
  }
}, 120_000);
