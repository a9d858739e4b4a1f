import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  openEngine,
  openLake,
  readTable,
  sqlText,
  tables,
  writeRows,
  type Engine,
} from '../../../lake/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { rank } from '../../../ops/cycle/rank.ts';
import { transform } from '../../../ops/cycle/transform.ts';
import { openDbt, sourceFreshness, type Dbt } from '../../../ops/dbt/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { openGenerations } from '../../../serve/feeds/generations.ts';
import { temporaryFolder } from '../../folders.ts';
import { makeSmallLake, type SmallLake } from '../rank/small-lake.ts';
import { analystsProject, applyDiff, diffsOf, editModel, pageOf } from './analyst.ts';
import { foldOperations, type Folded, type Operation } from './fold-oracle.ts';
import { readWarehouse } from './warehouse.ts';

silenceProgress();

const exportKey = 'a key of one release, for tests';
const subjectOf = (like: Folded): string => (like.record.subject as { uri: string }).uri;

// one build that all of the tests below look at, or change a copy of
let built: SmallLake;
let engine: Engine;
let dbt: Dbt;
beforeAll(async () => {
  built = await makeSmallLake({ FEEDTRIAL_EXPORT_KEY: exportKey });
  engine = await openEngine();
  dbt = await openDbt(built.config);
  await transform({ config: built.config, dbt, asOfUs: built.generated.endUs });
  await rank({ config: built.config, dbt, asOfUs: built.generated.endUs, generation: 'yesterday' });
  await dbt.run({ command: 'docs' });
}, 600_000); // several builds by dbt: a busy machine takes its time

afterAll(async () => {
  await dbt.close();
  await engine.close();
  built.remove();
});

/** A JSON file that dbt wrote. */
const artifact = <T>(name: string): T =>
  JSON.parse(
    readFileSync(path.join(path.dirname(built.config.warehouse), 'feedtrial.dbt/target', name), 'utf8'),
  ) as T;

describe('a generated lake', () => {
  test('comes out as a fold in TypeScript says, and what a feed must not have is not eligible', async () => {
    const lake = openLake(built.config.lake);
    const rawRecords = await engine.rows<Operation>(
      `SELECT did, "collection", rkey, operation, rev, record, event_us, live FROM ${readTable(lake, tables.records)}`,
    );
    const accounts = await engine.rows<{ did: string; active: boolean; event_us: bigint }>(
      `SELECT did, active, event_us FROM ${readTable(lake, tables.accounts)} ORDER BY event_us`,
    );
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

    await readWarehouse(built.config, async (rows) => {
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
        .filter((row) => row.live && row.collection === 'app.bsky.feed.like')
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
      const { cast } = built.generated;
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
  });
});

describe('the models', () => {
  const manifest = () =>
    artifact<{
      nodes: Record<
        string,
        {
          resource_type: string;
          name: string;
          description: string;
          config: { contract: { enforced: boolean } };
          columns: Record<string, { description: string }>;
        }
      >;
      exposures: Record<string, { name: string; depends_on: { nodes: string[] } }>;
    }>('manifest.json');
  const models = () => Object.values(manifest().nodes).filter((node) => node.resource_type === 'model');

  test('are described by their grain, and so is every column that they have', () => {
    expect(
      models()
        .filter((one) => !/^One row\b/.test(one.description))
        .map((one) => one.name),
    ).toEqual([]);
    const catalog = artifact<{ nodes: Record<string, { columns: Record<string, unknown> }> }>('catalog.json');
    const undescribed = Object.entries(manifest().nodes)
      .filter(([, node]) => node.resource_type === 'model')
      .flatMap(([id, node]) =>
        [...Object.keys(catalog.nodes[id]?.columns ?? {}), ...Object.keys(node.columns)]
          .filter((column) => !node.columns[column]?.description)
          .map((column) => `${node.name}.${column}`),
      );
    expect(undescribed).toEqual([]);
    expect(Object.keys(catalog.nodes).length).toBeGreaterThan(80);
  });

  test('that others read have a contract which the build enforces', () => {
    const read = models().filter(({ name }) => /^(fct|dim|export)_/.test(name));
    expect(read.filter((one) => !one.config.contract.enforced).map((one) => one.name)).toEqual([]);
    expect(read.length).toBeGreaterThan(15);
  });

  test('lead to whoever depends on them: feed server, exports and dashboard', () => {
    const nodes = manifest().nodes;
    const dependsOn = Object.fromEntries(
      Object.values(manifest().exposures).map((one) => [
        one.name,
        one.depends_on.nodes.map((id) => nodes[id]?.name ?? id),
      ]),
    );
    expect(dependsOn.feed_server).toContain('fct_feeds');
    expect(dependsOn.dashboard).toContain('fct_alerts');
    const exported = Object.values(nodes).filter(({ name }) => name.startsWith('export_'));
    expect(exported.filter(({ name }) => !dependsOn.analysis_exports?.includes(name))).toEqual([]);
  });
});

describe('what is not asked for', () => {
  const explain = async (query: string, analyze = ''): Promise<string> =>
    readWarehouse(built.config, async (rows) =>
      (await rows<{ explain_value: string }>(`EXPLAIN ${analyze} ${query}`))
        .map((row) => row.explain_value.replaceAll(/[│\s]+/g, ' '))
        .join('\n'),
    );

  test('is left out by its path: one collection and day', async () => {
    const day = await explain(
      `SELECT max(record) FROM base_bluesky__records WHERE collection_group = 'app.bsky.feed.like' AND dt = '2026-07-04'`,
    );
    const [, scanned, all] = /Scanning Files: (\d+)\/(\d+)/.exec(day) ?? [];
    expect(Number(scanned)).toBeGreaterThan(0);
    expect(Number(scanned)).toBeLessThan(Number(all) / 4);
  });

  test('is left out by a number, which stands in the scan itself', async () => {
    expect(
      await explain(
        `SELECT max(record) FROM base_bluesky__records WHERE event_us >= ${built.generated.endUs - 3_600_000_000}`,
      ),
    ).toMatch(/Filters: event_us>=\d+/);
  });

  test('is left out by a semi join, whose keys reach the scan of the other side as a Bloom filter', async () => {
    expect(
      await explain(
        `SELECT count(*) FROM stg_labels__values AS said SEMI JOIN (SELECT uri FROM int_posts__eligible WHERE md5(uri) < '8') AS few USING (uri)`,
        'ANALYZE',
      ),
    ).toMatch(/uri IN BF\(uri\)/);
  });
});

describe('names in a release', () => {
  /** Every file of a folder, whatever it is. */
  const filesIn = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name));

  test('are keyed digests that nobody can make without the key', async () => {
    const people = await engine.rows<{ participant_id: string }>(
      `SELECT DISTINCT participant_id FROM ${readTable(openLake(built.config.privateLake), tables.participants)}`,
    );
    const names = people.map(({ participant_id: id }) =>
      createHmac('sha256', exportKey).update(`participant\0${id}`).digest('hex').slice(0, 32),
    );
    await readWarehouse(built.config, async (rows) => {
      for (const table of ['export_participant_days', 'export_participant_weeks']) {
        const exported = await rows<{ name: string }>(
          `SELECT DISTINCT participant_pseudonym AS name FROM ${table}`,
        );
        expect(exported.length).toBeGreaterThan(3);
        expect(exported.filter(({ name }) => !names.includes(name))).toEqual([]);
      }
    });
  });

  test('are all that a full export says of anybody: no DID, handle, participant or post is in any value or byte', async () => {
    const [lake, privateLake] = [openLake(built.config.lake), openLake(built.config.privateLake)];
    const people = await engine.rows<{ participant_id: string; did: string; handle: string | null }>(
      `SELECT DISTINCT participant_id, people.did, lower(handle) AS handle
       FROM ${readTable(privateLake, tables.participants)} AS people
       LEFT JOIN ${readTable(lake, tables.identities)} AS names ON names.did = people.did`,
    );
    const names = [
      ...new Set(
        people.flatMap((each) => [each.did, each.participant_id, ...(each.handle ? [each.handle] : [])]),
      ),
    ];
    expect(names.length).toBeGreaterThan(2 * 10);
    const folder = temporaryFolder();
    /** Files that say who somebody is: by their bytes, unpacked and as they are, and by every value. */
    const telling = async (relations: readonly string[]): Promise<string[]> => {
      await readWarehouse(built.config, async (rows) => {
        for (const name of relations)
          for (const [how, compression] of [
            ['packed', 'zstd'],
            ['plain', 'uncompressed'],
          ])
            await rows(
              `COPY (SELECT * FROM ${name}) TO ${sqlText(path.join(folder, `${name}-${how}.parquet`))} (FORMAT parquet, COMPRESSION ${compression})`,
            );
      });
      const found: string[] = [];
      for (const name of relations) {
        let text = '';
        for (const how of ['packed', 'plain'])
          text += readFileSync(path.join(folder, `${name}-${how}.parquet`), 'latin1');
        const values = await engine.rows(
          `SELECT * FROM read_parquet(${sqlText(path.join(folder, `${name}-packed.parquet`))})`,
        );
        text += JSON.stringify(values, (_key, value: unknown) =>
          typeof value === 'bigint' ? String(value) : value,
        );
        const lower = text.toLowerCase();
        if (/at:\/\/|did:(plc|web):/.test(lower) || names.some((each) => lower.includes(each)))
          found.push(name);
      }
      return found;
    };
    const exported = await readWarehouse(built.config, (rows) =>
      rows<{ name: string }>(
        `SELECT table_name AS name FROM information_schema.tables WHERE table_name LIKE 'export\\_%' ESCAPE '\\' ORDER BY name`,
      ),
    );
    expect(exported.length).toBeGreaterThanOrEqual(7);
    expect(await telling(exported.map(({ name }) => name))).toEqual([]);
    // the same search finds people where they are
    expect(await telling(['fct_exposures', 'stg_study__participants'])).toEqual([
      'fct_exposures',
      'stg_study__participants',
    ]);
  });

  test('leave neither their key nor a digest of it in what dbt wrote, in a lake or in the warehouse', () => {
    const forms = new Set([
      exportKey,
      Buffer.from(exportKey).toString('hex'),
      Buffer.from(exportKey).toString('base64'),
    ]);
    for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512'])
      for (const prefix of ['', 'inner ', 'outer '])
        for (const encoding of ['hex', 'base64'] as const)
          forms.add(
            createHash(algorithm)
              .update(prefix + exportKey)
              .digest(encoding),
          );
    const files = filesIn(built.folder);
    expect(files.some((file) => file.endsWith('manifest.json'))).toBe(true);
    expect(files.some((file) => file.endsWith('export_participant_days.sql'))).toBe(true);
    const holding = files.filter((file) => {
      const content = readFileSync(file, 'latin1').toLowerCase();
      return [...forms].some((form) => content.includes(form.toLowerCase()));
    });
    expect(holding).toEqual([]);
    // and nothing says any more whose a name is
    expect(
      filesIn(path.join(built.config.privateLake, 'pseudonyms')).map((file) => path.basename(file)),
    ).toEqual(['empty.parquet']);
  });

  test('are others in every build where no key is given', async () => {
    const config = { ...built.config, exportKey: undefined };
    const named = async (): Promise<string[]> => {
      await transform({ config, dbt, select: ['export_participant_days'], asOfUs: built.generated.endUs });
      return readWarehouse(config, async (rows) =>
        (
          await rows<{ name: string }>(
            'SELECT DISTINCT participant_pseudonym AS name FROM export_participant_days',
          )
        ).map(({ name }) => name),
      );
    };
    const first = await named();
    const second = await named();
    expect(first.length).toBe(second.length);
    expect(second.filter((name) => first.includes(name))).toEqual([]);
  });
});

describe('sources', () => {
  test('are said to be old by the bounds beside them, until something new comes in', async () => {
    const ofRecords = async () =>
      (await sourceFreshness(dbt)).find(({ source }) => source === 'raw.moderation_labels');
    expect(await ofRecords()).toEqual({ source: 'raw.moderation_labels', status: 'error', loadedUs: null });
    const ingested = Math.floor(Date.now() / 1000) * 1_000_000 - 60_000_000;
    const day = new Date(ingested / 1000).toISOString().slice(0, 10);
    const row = { src: 'did:plc:nobody', uri: 'did:plc:nobody', val: 'test', neg: true, cts_us: ingested };
    const written = await writeRows(
      openLake(built.config.lake),
      engine,
      tables.moderationLabels,
      { dt: day, hour: '00' },
      [{ ...row, event_us: ingested, ingested_at: ingested, segment: 'test' }],
      'fresh',
    );
    try {
      expect(await ofRecords()).toEqual({
        source: 'raw.moderation_labels',
        status: 'pass',
        loadedUs: ingested,
      });
    } finally {
      await openLake(built.config.lake).remove(written ?? '');
    }
  });
});

describe("an analyst's edit", () => {
  const edited = async (
    folder: string,
    edit: (root: string) => Promise<void> | void,
    use: (config: Config, dbt: Dbt) => Promise<void>,
  ): Promise<void> => {
    const root = analystsProject(folder);
    await edit(root);
    const config = { ...built.config, projectRoot: root };
    const own = await openDbt(config);
    try {
      await use(config, own);
    } finally {
      await own.close();
    }
  };
  const pointer = (name: string): string => readFileSync(path.join(built.config.lake, name), 'utf8');

  test('that breaks a model leaves the queue and the feeds of yesterday in force, and says which model', async () => {
    const before = [pointer('feeds/current.json'), pointer('queue/current.json')];
    expect(before[0]).toContain('yesterday');
    await edited(
      temporaryFolder(),
      (root) => editModel(root, 'preprocess/int_posts__eligible.sql', (sql) => sql.replace('cid,', 'ciid,')),
      async (config, own) => {
        await expect(
          transform({ config, dbt: own, select: ['int_posts__eligible+'], asOfUs: built.generated.endUs }),
        ).rejects.toMatchObject({
          code: 'FT_DBT_FAILED',
          message: expect.stringMatching(/int_posts__eligible: Binder Error.*ciid/) as string,
        });
      },
    );
    expect([pointer('feeds/current.json'), pointer('queue/current.json')]).toEqual(before);
    const generations = openGenerations(openLake(built.config.lake)); // as the server reads them
    await generations.poll();
    expect(generations.current?.id).toBe('yesterday');
    expect(generations.current?.index.feed('_default')?.positions.length).toBeGreaterThan(20);
  });

  test('that takes a number away which a filter needs is refused by its name, and lets nothing through', async () => {
    await edited(
      temporaryFolder(),
      (root) => {
        const seed = path.join(root, 'seeds/filter_parameters.csv');
        writeFileSync(seed, readFileSync(seed, 'utf8').replace('max_age_hours', 'max_age_hour'));
      },
      async (config, own) => {
        await expect(transform({ config, dbt: own, select: ['int_posts__recent'] })).rejects.toMatchObject({
          code: 'FT_DBT_FAILED',
          message: expect.stringContaining(
            'seeds/filter_parameters.csv needs one row max_age_hours',
          ) as string,
        });
      },
    );
  });

  test('is built with what follows from it, and nothing else is', async () => {
    await edited(
      temporaryFolder(),
      (root) =>
        editModel(root, 'aggregate/int_authors__daily_posts.sql', (sql) =>
          sql.replaceAll(/count\(\*\)( filter \(.*\))? as posts/g, '1000 + $&'),
        ),
      async (config, own) => {
        const queue = pointer('queue/current.json');
        await transform({
          config,
          dbt: own,
          select: ['int_authors__daily_posts+1'],
          asOfUs: built.generated.endUs,
        });
        expect(pointer('queue/current.json')).toBe(queue);
        await readWarehouse(config, async (rows) => {
          expect(await rows('SELECT min(posts) >= 1000 AS edited FROM int_authors__daily_posts')).toEqual([
            { edited: true },
          ]);
          // nobody posts a thousand posts a day: what follows saw the edit
          expect(
            await rows('SELECT bool_and(is_superposter) AS followed FROM int_authors__superposter_days'),
          ).toEqual([{ followed: true }]);
        });
      },
    );
  });

  test('as the page describes it, of a filter, a label and an arm, applies and builds with its tests', async () => {
    const diffs = diffsOf('analyst.md');
    expect(diffs).toHaveLength(3);
    await edited(
      temporaryFolder(),
      async (root) => {
        for (const diff of diffs) await applyDiff(root, diff);
      },
      async (config, own) => {
        // without parameters, as by hand: unit tests say their own
        const { nodes } = await own.run({
          command: 'build',
          select: [
            'filter_parameters',
            'label_precedence',
            'arms',
            'ranking_policies',
            'int_posts__filtered',
            'int_posts__filtered_counts',
            'int_posts__labels',
            'int_posts__outcome_labels',
            'int_posts__measured',
            'int_posts__unified',
            'int_posts__baseline',
            'export_baseline_days',
            'int_policies__begun',
            'int_arms__policies',
          ],
        });
        expect(nodes.map(({ name }) => name)).toContain('filter_too_many_links');
        await readWarehouse(config, async (rows) => {
          expect(await rows("SELECT policy FROM int_arms__policies WHERE arm = 'friends_first'")).toEqual([
            { policy: 'friends_first' },
          ]);
          const [labelled] = await rows<{ n: bigint; said: bigint }>(
            `SELECT count(*) AS n, (SELECT count(*) FROM base_labels__values WHERE labeler = 'perspective' AND label = 'REASONING') AS said
             FROM int_posts__labels WHERE reasoning IS NOT NULL AND reasoning_labeler = 'perspective'`,
          );
          expect(labelled?.n).toBe(labelled?.said);
          expect(labelled?.n).toBeGreaterThan(0n);
        });
        // the page's own command: with the seed that was edited last, and for the moment that the rest was built for
        const [, selector = ''] = /feedtrial -- transform (\S+)/.exec(pageOf('analyst.md')) ?? [];
        expect(selector).toBe('int_posts__filtered+');
        const seed = path.join(config.projectRoot, 'seeds/filter_parameters.csv');
        writeFileSync(seed, readFileSync(seed, 'utf8').replace('\nmax_links,3,', '\nmax_links,0,'));
        const eligible = () =>
          readWarehouse(config, async (rows) => {
            const [row] = await rows<{ n: bigint; linked: bigint }>(
              `SELECT count(*) AS n, (SELECT count(*) FROM int_posts__filtered WHERE reasons = ['too_many_links']) AS linked
               FROM int_posts__eligible`,
            );
            return { n: Number(row?.n), linked: Number(row?.linked) };
          });
        const before = await eligible();
        expect(before.linked).toBe(0);
        await transform({ config, dbt: own, select: [selector] });
        const after = await eligible();
        expect(after.linked).toBeGreaterThan(0);
        expect(after.n).toBe(before.n - after.linked);
        // taken back, the number is as it was
        writeFileSync(seed, readFileSync(seed, 'utf8').replace('\nmax_links,0,', '\nmax_links,3,'));
        await transform({ config, dbt: own, select: [selector] });
        expect(await eligible()).toEqual(before);
      },
    );
  });
});

// last, as it moves the build that all of the above looked at
describe('what counts by day', () => {
  test('reaches over days whose posts have become too old to be candidates', async () => {
    type Day = { event_day: string; posts: bigint };
    const byDay = (sql: string): Promise<Day[]> =>
      readWarehouse(built.config, (rows) => rows<Day>(`${sql} ORDER BY event_day`));
    const laterUs = built.generated.endUs + 5 * 86_400e6;
    // with all known that there is, which is built another way and comes out the same
    await transform({ config: built.config, dbt, asOfUs: laterUs, knownAtUs: laterUs });
    expect(await byDay("SELECT '' AS event_day, count(*) AS posts FROM int_posts__eligible")).toEqual([
      { event_day: '', posts: 0n },
    ]);
    const baseline = await byDay('SELECT event_day, posts FROM export_baseline_days');
    expect(baseline.length).toBeGreaterThan(2);
    expect(
      await byDay("SELECT event_day, posts FROM int_posts__filtered_counts WHERE reason = 'eligible'"),
    ).toEqual(baseline);
    // who is asked about eligible posts was to be asked about those of the baseline that came when they were young
    expect(
      await byDay("SELECT event_day, posts FROM obs_labels__coverage WHERE labeler = 'student_toxicity'"),
    ).toEqual(
      await byDay(
        `SELECT event_day, count(*) AS posts FROM int_posts__baseline INNER JOIN int_posts__filtered USING (uri)
         WHERE is_live GROUP BY event_day`,
      ),
    );
    const labelled = await byDay(
      `SELECT event_day, count(*) AS posts
       FROM int_posts__baseline AS posts INNER JOIN int_posts__filtered USING (uri)
       INNER JOIN int_posts__labels AS labels USING (uri, cid) WHERE labels.toxic IS NOT NULL GROUP BY event_day`,
    );
    expect(labelled.length).toBeGreaterThan(2);
    expect(
      await byDay(
        `SELECT event_day, cast(sum(posts) AS bigint) AS posts FROM export_daily_label_sources
         WHERE label_name = 'toxic' GROUP BY event_day`,
      ),
    ).toEqual(labelled);
  }, 120_000);
});
