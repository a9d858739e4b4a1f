import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ensureTables, openEngine, openLake, readTable, tables } from '../../../lake/index.ts';
import { generateLake } from '../../../lake/generate/index.ts';
import { transform } from '../../../ops/cycle/transform.ts';
import { openDbt } from '../../../ops/dbt/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { labelerVersions, readWarehouse } from './warehouse.ts';

interface Operation {
  did: string;
  collection: string;
  rkey: string;
  operation: string;
  rev: string;
  record: string | null;
  event_us: bigint;
  live: boolean;
}

interface Folded {
  uri: string;
  deleted: boolean;
  /** Of the last version that had any; kept for a deleted record. */
  record: Record<string, unknown>;
  eventUs: bigint;
}

/** The fold of staging, written apart from it: one pass over a record's operations in the order of the repository. */
function foldOperations(operations: readonly Operation[]): Folded[] {
  const byRecord = Map.groupBy(operations, (o) => `at://${o.did}/${o.collection}/${o.rkey}`);
  const folded: Folded[] = [];
  for (const [uri, all] of byRecord) {
    const inOrder = all.toSorted((a, b) => (a.rev < b.rev ? -1 : a.rev > b.rev ? 1 : 0));
    const contents = inOrder.filter((o) => o.operation !== 'delete');
    const last = contents.at(-1);
    if (last?.record == null) continue;
    const live = contents.filter((o) => o.live);
    const times = (live.length > 0 ? live : contents).map((o) => o.event_us);
    folded.push({
      uri,
      deleted: inOrder.at(-1)?.operation === 'delete',
      record: JSON.parse(last.record) as Record<string, unknown>,
      eventUs: times.reduce((a, b) => (a < b ? a : b)),
    });
  }
  return folded.sort((a, b) => (a.uri < b.uri ? -1 : 1));
}

const subjectOf = (like: Folded): string => (like.record.subject as { uri: string }).uri;

test('a generated lake comes out as a fold in TypeScript says, and what a feed must not have is not eligible', async () => {
  const config = configIn(temporaryFolder(), { FEEDTRIAL_LABEL_PROFILE: 'demo' });
  const lake = openLake(config.lake);
  const privateLake = openLake(config.privateLake);
  const engine = await openEngine();
  const dbt = await openDbt(config);
  try {
    await ensureTables(lake, privateLake, engine);
    const labelVersions = labelerVersions(config.projectRoot);
    const world = await generateLake({
      lake,
      privateLake,
      engine,
      posts: 1_500,
      embeddings: 60,
      labelVersions,
    });
    const rawRecords = await engine.rows<Operation>(
      `SELECT did, "collection", rkey, operation, rev, record, event_us, live FROM ${readTable(lake, tables.records)}`,
    );
    const accounts = await engine.rows<{ did: string; active: boolean; event_us: bigint }>(
      `SELECT did, active, event_us FROM ${readTable(lake, tables.accounts)} ORDER BY event_us`,
    );

    await transform({ config, dbt, asOfUs: world.endUs });
    await dbt.run({ command: 'docs', exclude: ['path:models/rank'] });
    await dbt.close();

    const byCollection = Map.groupBy(rawRecords, (row) => row.collection);
    const fold = (collection: string): Folded[] => foldOperations(byCollection.get(collection) ?? []);
    const posts = fold('app.bsky.feed.post');
    const inactive = new Set<string>();
    for (const { did, active } of accounts) {
      if (active) inactive.delete(did);
      else inactive.add(did);
    }
    const authorOf = (uri: string): string => uri.split('/')[2] ?? '';
    const likers = new Map<string, Set<string>>();
    for (const like of fold('app.bsky.feed.like'))
      if (!like.deleted && !inactive.has(authorOf(like.uri)))
        likers.set(
          subjectOf(like),
          (likers.get(subjectOf(like)) ?? new Set<string>()).add(authorOf(like.uri)),
        );

    await readWarehouse(config, async (rows) => {
      const staged = await rows<{ uri: string; text: string | null; is_deleted: boolean; event_us: bigint }>(
        'SELECT uri, "text", is_deleted, event_us FROM stg_bluesky__posts ORDER BY uri',
      );
      expect(posts.length).toBeGreaterThan(1_400);
      expect(staged).toEqual(
        posts.map((row) => ({
          uri: row.uri,
          text: row.deleted ? null : row.record.text,
          is_deleted: row.deleted,
          event_us: row.eventUs,
        })),
      );

      const unified = await rows<{ uri: string; author_did: string; likes: bigint | null; event_us: bigint }>(
        'SELECT uri, author_did, likes, event_us FROM int_posts__unified',
      );
      expect(unified.length).toBeGreaterThan(400);
      const coveredFrom = rawRecords
        .filter((row) => row.live)
        .map((row) => row.event_us)
        .reduce((a, b) => (a < b ? a : b));
      for (const row of unified)
        expect({ uri: row.uri, likes: row.likes }).toEqual({
          uri: row.uri,
          likes: row.event_us >= coveredFrom ? BigInt(likers.get(row.uri)?.size ?? 0) : null,
        });
      expect(unified.some((row) => row.likes === null)).toBe(true);
      expect(unified.some((row) => row.likes === 0n)).toBe(true);

      const authors = new Set(unified.map((row) => row.author_did));
      const { cast } = world;
      for (const name of ['excludelisted', 'adult', 'spammer', 'deactivated', 'takendown'] as const)
        expect([name, authors.has(cast[name])]).toEqual([name, false]);
      expect(authors.has(cast.reactivated)).toBe(true);
      const deleted = new Set(posts.filter((row) => row.deleted).map((row) => row.uri));
      expect(unified.filter((row) => deleted.has(row.uri))).toEqual([]);
      const superposters = await rows<{ is_superposter: boolean; is_in_top_share: boolean }>(
        `SELECT is_superposter, is_in_top_share FROM int_authors__superposters WHERE did = '${cast.superposter}'`,
      );
      expect(superposters).toEqual([{ is_superposter: true, is_in_top_share: true }]);

      const reasons = await rows<{ reason: string }>(
        "SELECT DISTINCT reason FROM int_posts__filtered_counts WHERE reason <> 'eligible' ORDER BY reason",
      );
      expect(reasons.map((row) => row.reason)).toEqual(
        expect.arrayContaining([
          'account_inactive',
          'deleted',
          'excludelist',
          'language_unknown',
          'not_english',
          'nsfw_label',
          'spam',
          'too_short',
        ]),
      );
    });

    // what lets an hour be cheap: what isn't asked for isn't read
    await readWarehouse(config, async (rows) => {
      const explain = async (query: string, analyze = ''): Promise<string> =>
        (await rows<{ explain_value: string }>(`EXPLAIN ${analyze} ${query}`))
          .map((row) => row.explain_value.replaceAll(/[│\s]+/g, ' '))
          .join('\n');
      // one collection and day: files are left out by their path
      const day = await explain(
        `SELECT max(record) FROM base_bluesky__records WHERE collection_group = 'app.bsky.feed.like' AND dt = '2026-07-04'`,
      );
      const [, scanned, all] = /Scanning Files: (\d+)\/(\d+)/.exec(day) ?? [];
      expect(Number(scanned)).toBeGreaterThan(0);
      expect(Number(scanned)).toBeLessThan(Number(all) / 4);
      // a number stands in the scan itself, where it leaves out row groups unread
      expect(
        await explain(
          `SELECT max(record) FROM base_bluesky__records WHERE event_us >= ${world.endUs - 3_600_000_000}`,
        ),
      ).toMatch(/Filters: event_us>=\d+/);
      // a semi join gives its keys to the scan of the other side, as a Bloom filter
      expect(
        await explain(
          `SELECT count(*) FROM stg_labels__values AS said SEMI JOIN (SELECT uri FROM int_posts__eligible WHERE md5(uri) < '8') AS few USING (uri)`,
          'ANALYZE',
        ),
      ).toMatch(/uri IN BF\(uri\)/);
    });

    // what an analyst reads: every model of the project is in the catalog's graph with a description by its grain
    const manifest = JSON.parse(
      readFileSync(path.join(path.dirname(config.warehouse), 'feedtrial.dbt/target/manifest.json'), 'utf8'),
    ) as { nodes: Record<string, { resource_type: string; name: string; description: string }> };
    const undescribed = Object.values(manifest.nodes)
      .filter((node) => node.resource_type === 'model' && !/^One row\b/.test(node.description))
      .map((node) => node.name);
    expect(undescribed).toEqual([]);
  } finally {
    await dbt.close();
    await engine.close();
  }
}, 600_000); // several builds by dbt: a busy machine takes its time
