import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateLake, type GeneratedLake } from '../../../lake/generate/index.ts';
import {
  openEngine,
  openLake,
  privateTables,
  readTable,
  tables,
  type Engine,
  type Lake,
} from '../../../lake/index.ts';
import { dataFile, hasData } from '../../data.ts';
import { temporaryFolder } from '../../folders.ts';

type TableName = keyof typeof tables;
// pseudonyms are there only while exports are built
const names = (Object.keys(tables) as TableName[]).filter((name) => name !== 'pseudonyms');

interface World {
  lake: Lake;
  privateLake: Lake;
  made: GeneratedLake;
}

/** All files of a table, also of those that live below a publish or under one name. */
const everyRow = ({ lake, privateLake }: World, name: TableName): string => {
  if (name === 'queue') return `read_parquet('${lake.uri('queue/*/*.parquet')}')`;
  return readTable(privateTables.has(tables[name]) ? privateLake : lake, tables[name]);
};

describe('a generated lake', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine();
  });
  afterAll(async () => {
    await engine.close();
  });

  const generate = async (options: Partial<Parameters<typeof generateLake>[0]> = {}): Promise<World> => {
    const folder = temporaryFolder();
    const lake = openLake(path.join(folder, 'lake'));
    const privateLake = openLake(path.join(folder, 'private'));
    const made = await generateLake({
      lake,
      privateLake,
      engine,
      posts: 600,
      embeddings: 20,
      hours: 6,
      ...options,
    });
    return { lake, privateLake, made };
  };
  const digests = async (world: World): Promise<Record<string, unknown>> => {
    const found: Record<string, unknown> = {};
    for (const name of names)
      [found[name]] = await engine.rows(
        `SELECT count(*) AS n, md5(string_agg(rows::VARCHAR, chr(10) ORDER BY rows::VARCHAR)) AS digest FROM ${everyRow(world, name)} AS rows`,
      );
    return found;
  };

  it('has rows in every table, of its schema, and counts them', async () => {
    const world = await generate();
    for (const name of names) {
      const { columns, partitions } = tables[name];
      const described = await engine.rows<{ column_name: string; column_type: string }>(
        `DESCRIBE SELECT * FROM ${everyRow(world, name)}`,
      );
      const types = Object.fromEntries(described.map((c) => [c.column_name, c.column_type]));
      for (const column of columns) expect(types[column.name], `${name}.${column.name}`).toBe(column.type);
      for (const key of partitions) expect(types[key], `${name}.${key}`).toBe('VARCHAR');
      const required = columns.filter(({ nullable }) => !nullable).map((c) => `"${c.name}" IS NULL`);
      const [row] = await engine.rows<{ n: bigint; lacking: bigint }>(
        `SELECT count(*) AS n, count(*) FILTER (${required.join(' OR ')}) AS lacking FROM ${everyRow(world, name)}`,
      );
      expect(Number(row?.n), name).toBe(world.made.rows[name]);
      expect(Number(row?.n), name).toBeGreaterThan(0);
      expect(Number(row?.lacking), `${name}: rows with null where none may be`).toBe(0);
    }
  });

  it('is the same for the same seed, at any number of threads, and another for another', async () => {
    const first = await digests(await generate({ seed: 'a' }));
    await engine.run('SET threads = 1');
    const again = await digests(await generate({ seed: 'a' }));
    await engine.run('SET threads = 2');
    expect(again).toEqual(first);
    const other = await digests(await generate({ seed: 'b' }));
    for (const name of ['records', 'labels', 'participants', 'embeddings'])
      expect(other[name]).not.toEqual(first[name]);
  });

  it('replaces itself when it is made again', async () => {
    const world = await generate();
    const before = await digests(world);
    await generateLake({ ...world, engine, posts: 600, embeddings: 20, hours: 6 });
    expect(await digests(world)).toEqual(before);
  });

  it('hangs together: every reference is to a post that exists, every cast member plays its part', async () => {
    const world = await generate({ posts: 1_500, hours: 24 });
    const { cast, startUs, liveUs, endUs } = world.made;
    await engine.run(`
      CREATE OR REPLACE TEMP VIEW operations AS
      SELECT *, concat('at://', did, '/', "collection", '/', rkey) AS uri FROM ${everyRow(world, 'records')}`);
    const one = async (sql: string): Promise<Record<string, unknown>> => (await engine.rows(sql))[0] ?? {};
    expect(
      await one(`
        WITH posts AS (SELECT DISTINCT uri FROM operations WHERE "collection" = 'app.bsky.feed.post' AND "operation" = 'create'),
        referred AS (
          SELECT record ->> '$.subject.uri' AS uri FROM operations WHERE "collection" IN ('app.bsky.feed.like', 'app.bsky.feed.repost') AND "operation" = 'create'
          UNION ALL SELECT record ->> '$.reply.root.uri' FROM operations WHERE contains(record, '"reply"')
          UNION ALL SELECT record ->> '$.reply.parent.uri' FROM operations WHERE contains(record, '"reply"')
          UNION ALL SELECT uri FROM ${everyRow(world, 'labels')}
          UNION ALL SELECT uri FROM ${everyRow(world, 'exposures')} WHERE uri IS NOT NULL
          UNION ALL SELECT uri FROM ${everyRow(world, 'interactions')}
        )
        SELECT count(*) > 3000 AS many, count(*) FILTER (uri NOT IN (FROM posts)) AS dangling FROM referred`),
    ).toEqual({ many: true, dangling: 0n });
    expect(
      await one(`
        SELECT
          count(*) FILTER (event_us < ${startUs} OR event_us >= ${endUs}) AS out_of_time,
          count(*) FILTER (event_us > ingested_at) AS taken_in_before_it_happened,
          count(*) FILTER (live AND event_us < ${liveUs}) AS live_too_early,
          count(*) FILTER (record IS NULL AND "operation" <> 'delete') AS without_record,
          count(*) FILTER (record IS NOT NULL AND NOT json_valid(record)) AS not_json,
          count(*) FILTER (NOT regexp_full_match(rev, '[2-7a-z]{13}')) AS rev_no_tid,
          count(*) FILTER (NOT regexp_full_match(did, 'did:plc:[2-7a-z]{24}')) AS no_did,
          count(*) FILTER (strftime(make_timestamp(event_us), '%Y-%m-%d %H') <> concat(dt, ' ', "hour")) AS in_another_hour,
          count(*) FILTER ("source" = 'backfill') > 0 AS has_backfill, count(*) FILTER ("source" = 'jetstream') > 0 AS has_repeats,
          count(*) FILTER ("operation" = 'delete' AND "collection" = 'app.bsky.feed.post') > 0 AS has_deletes
        FROM operations`),
    ).toEqual({
      out_of_time: 0n,
      taken_in_before_it_happened: 0n,
      live_too_early: 0n,
      without_record: 0n,
      not_json: 0n,
      rev_no_tid: 0n,
      no_did: 0n,
      in_another_hour: 0n,
      has_backfill: true,
      has_repeats: true,
      has_deletes: true,
    });
    const posts = await engine.rows<{ did: string; n: bigint; adult: bigint }>(`
      SELECT did, count(*) AS n, count(*) FILTER (contains(record, '"val":"porn"')) AS adult
      FROM operations WHERE "collection" = 'app.bsky.feed.post' AND "operation" = 'create' AND "source" <> 'jetstream' GROUP BY did ORDER BY n DESC`);
    const days = (endUs - startUs) / 86_400e6;
    const of = (did: string) => posts.find((author) => author.did === did);
    expect(Number(of(cast.superposter)?.n) / days).toBeGreaterThanOrEqual(5);
    expect(of(cast.adult)?.adult).toBe(of(cast.adult)?.n);
    for (const [name, did] of Object.entries(cast)) expect(Number(of(did)?.n ?? 0), name).toBeGreaterThan(0);
    // a long tail: the most liked tenth of posts has more than three times its share of likes
    expect(
      await one(`
        WITH counted AS (
          SELECT count(*) AS likes FROM operations WHERE "collection" = 'app.bsky.feed.like' AND "operation" = 'create' GROUP BY record ->> '$.subject.uri'
        )
        SELECT (SELECT sum(likes) FROM (SELECT likes FROM counted ORDER BY likes DESC LIMIT 150)) > 0.3 * sum(likes) AS long_tail FROM counted`),
    ).toEqual({ long_tail: true });
    expect(world.made.participants.filter(({ status }) => status === 'active')).toHaveLength(10);
  });

  it.skipIf(!hasData)('draws labels with the means of the calibration', async () => {
    const world = await generate({
      posts: 6_000,
      calibration: dataFile('calibration/daily_label_means.csv'),
    });
    const means = await engine.rows<{ label: string; mean: number }>(
      `SELECT "label", avg(score) AS mean FROM ${everyRow(world, 'labels')} WHERE status = 'ok' AND starts_with(labeler, 'student') GROUP BY "label"`,
    );
    const of = Object.fromEntries(means.map(({ label, mean }) => [label, mean]));
    // the means of the file over the study's days; the tolerance is four standard errors of some 3,500 draws
    expect(of.toxic).toBeCloseTo(0.13, 1);
    expect(of.constructive).toBeCloseTo(0.17, 1);
    expect(of.sociopolitical).toBeCloseTo(0.21, 1);
    expect(of.moral_outrage).toBeCloseTo(0.28, 1);
    const [embedding] = await engine.rows<{ n: bigint; worst: number }>(
      `SELECT count(*) AS n, max(abs(1 - list_sum(list_transform(embedding, lambda v: v * v)))) AS worst FROM ${everyRow(world, 'embeddings')} WHERE len(embedding) = 384`,
    );
    expect(embedding?.n).toBe(20n);
    expect(embedding?.worst).toBeLessThan(1e-5);
  });
});
