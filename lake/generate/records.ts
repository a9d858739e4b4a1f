import { sqlText } from '../parquet/engine.ts';
import { cast, firstParticipant, type WorldOptions } from './world.ts';

export interface RecordsOptions extends WorldOptions {
  likes: number;
  reposts: number;
  followsPerAuthor: number;
  participants: number;
}

/** `dt` and `hour` of a column of microseconds, as partition keys. */
export const timeKeys = (column: string): string =>
  `strftime(make_timestamp(${column}), '%Y-%m-%d') AS dt, strftime(make_timestamp(${column}), '%H') AS "hour"`;

/**
 * Makes `world_records` rows of one collection ready for `raw/records`: what is common to all is added here. The inner
 * query gives did, collection, rkey, operation, cid, record, event_us and, where it differs, source.
 */
function asRecords(inner: string, options: WorldOptions): string {
  return `
    SELECT
      did, "collection", rkey, "operation", cid,
      tid(event_us - 1000, 7) AS rev,
      record,
      CASE WHEN event_us >= ${options.liveUs} THEN event_us - 1000000000000000 END AS seq,
      event_us,
      CASE WHEN event_us >= ${options.liveUs} THEN 'firehose' ELSE 'backfill' END AS "source",
      event_us >= ${options.liveUs} AS live,
      true AS verified,
      CASE WHEN event_us >= ${options.liveUs} THEN event_us + 250000 ELSE ${options.liveUs} END AS ingested_at,
      'generated' AS segment,
      CASE
        WHEN "collection" IN ('app.bsky.feed.post', 'app.bsky.feed.like', 'app.bsky.feed.repost', 'app.bsky.graph.follow', 'app.bsky.graph.block', 'app.bsky.actor.profile')
          THEN "collection" ELSE '_other'
      END AS collection_group,
      ${timeKeys('event_us')}
    FROM (${inner})`;
}

/** Another source's report of one in `share` rows: the same operation a second time, unverified and a little later. */
function withRepeats(records: string, share: number): string {
  return `
    WITH records AS (${records})
    SELECT * FROM records
    UNION ALL BY NAME
    SELECT * REPLACE (
      'jetstream' AS "source", false AS verified, NULL AS seq, event_us + 40000 AS event_us, ingested_at + 900000 AS ingested_at
    )
    FROM records
    WHERE live AND draw(concat('repeat ', did), rkey) < ${share}`;
}

const quoted = (key: string, sql: string): string => `'"${key}":', to_json(${sql})`;

function posts(): string {
  return `
    SELECT
      p.did, 'app.bsky.feed.post' AS "collection", p.rkey, 'create' AS "operation", p.cid,
      concat(
        '{"$type":"app.bsky.feed.post",',
        ${quoted('text', 'p.text')}, ',',
        -- authors backdate: one in a hundred says it wrote years ago
        '"createdAt":"', iso_time(CASE WHEN draw('backdated', p.i) < 0.01 THEN p.event_us - 100000000000000 ELSE p.event_us - 1400000 END), '"',
        -- and authors' languages are often wrong
        CASE
          WHEN draw('langs', p.i) < 0.05 THEN ',"langs":["en"]'
          WHEN draw('langs', p.i) > 0.93 THEN ''
          ELSE concat(',"langs":["', p.language, '"]')
        END,
        CASE WHEN root.i IS NOT NULL THEN concat(
          ',"reply":{"root":{"uri":"', root.uri, '","cid":"', root.cid, '"},"parent":{"uri":"', parent.uri,
          '","cid":"', parent.cid, '"}}') ELSE '' END,
        CASE
          WHEN draw('embed', p.i) < 0.08 THEN concat(
            ',"embed":{"$type":"app.bsky.embed.images","images":[{"alt":"a photograph","image":{"$type":"blob","ref":{"$link":"bafkrei',
            code(concat('image ', p.i), 52), '"},"mimeType":"image/jpeg","size":120000}}]}')
          WHEN draw('embed', p.i) < 0.14 THEN concat(
            ',"embed":{"$type":"app.bsky.embed.external","external":{"uri":"https://news', p.i % 40,
            '.example/story","title":"A story","description":"Read more"}}')
          WHEN draw('embed', p.i) < 0.17 AND quotes.uri IS NOT NULL THEN concat(
            ',"embed":{"$type":"app.bsky.embed.record","record":{"uri":"', quotes.uri, '","cid":"', quotes.cid, '"}}')
          ELSE ''
        END,
        CASE WHEN p.tone = 'adult' THEN ',"labels":{"$type":"com.atproto.label.defs#selfLabels","values":[{"val":"porn"}]}' ELSE '' END,
        '}'
      ) AS record,
      p.event_us
    FROM world_posts AS p
    LEFT JOIN world_posts AS root ON root.i = p.root_i
    LEFT JOIN world_posts AS parent ON parent.i = p.parent_i
    LEFT JOIN world_posts AS quotes ON quotes.i = p.i - 2 - p.i % 30`;
}

/** Reactions (likes, reposts): whose long tail comes from a power of the draw; at most one an account and post. */
function reactions(collection: string, count: number, tail: number, options: RecordsOptions): string {
  const name = sqlText(collection);
  return `
    WITH drawn AS (
      SELECT n, bits(${name}, n) AS h FROM range(${count}) AS numbers (n)
    ),
    pairs AS (
      SELECT
        floor(pow(draw(concat(${name}, ' post'), n), ${tail}) * ${options.posts})::BIGINT AS rank,
        floor(pow(part(h, 0), 1.3) * ${options.authors - cast.quiet})::BIGINT + ${cast.quiet} AS author,
        min(n) AS n, min_by(h, n) AS h
      FROM drawn
      GROUP BY ALL
    ),
    timed AS (
      SELECT
        pairs.n, pairs.author, world_posts.uri, world_posts.cid,
        world_posts.event_us + 2000000 - ln(1 - part(h, 1)) * 14400000000 AS event_us
      FROM pairs
      -- popularity has nothing to do with the order of time: a prime step walks all posts in another order
      JOIN world_posts ON world_posts.i = (pairs.rank * 7919 + 13) % ${options.posts}
    )
    SELECT
      world_authors.did, ${name} AS "collection", tid(timed.event_us::BIGINT, n % 1024) AS rkey, 'create' AS "operation",
      concat('bafyrei', code(concat(${name}, n), 52)) AS cid,
      concat('{"$type":', to_json(${name}), ',"createdAt":"', iso_time(timed.event_us::BIGINT), '","subject":{"cid":"', timed.cid, '","uri":"', timed.uri, '"}}') AS record,
      timed.event_us::BIGINT AS event_us
    FROM timed
    JOIN world_authors USING (author)
    WHERE timed.event_us < ${options.endUs} AND timed.event_us >= ${options.liveUs}`;
}

function graph(collection: string, perAuthor: number, options: RecordsOptions): string {
  const name = sqlText(collection);
  // participants follow several times as many as others, and the cast so that every rule touches a feed
  const isParticipant = `author BETWEEN ${firstParticipant} AND ${firstParticipant + options.participants - 1}`;
  const castTargets =
    collection === 'app.bsky.graph.follow' ? `k < ${cast.quiet} AND ${isParticipant}` : 'false';
  return `
    WITH drawn AS (
      SELECT
        author, did, k,
        CASE WHEN ${castTargets} THEN k
          ELSE floor(pow(draw(concat(${name}, ' ', author), k), 1.5) * ${options.authors})::BIGINT END AS target
      FROM world_authors, range(${Math.max(perAuthor * 4, 1)}) AS numbers (k)
      WHERE k < CASE WHEN ${isParticipant} THEN ${perAuthor * 4} ELSE ${perAuthor} END
    ),
    pairs AS (
      SELECT author, did, target, min(k) AS k FROM drawn WHERE author <> target GROUP BY ALL
    ),
    timed AS (
      SELECT
        pairs.*, world_authors.did AS subject,
        ${options.startUs} + floor(draw(concat(${name}, ' when ', pairs.author), target) * ${Math.floor((options.endUs - options.startUs) * 0.9)})::BIGINT AS event_us
      FROM pairs JOIN world_authors ON world_authors.author = pairs.target
    )
    SELECT
      did, ${name} AS "collection", tid(event_us, k % 1024) AS rkey, 'create' AS "operation",
      concat('bafyrei', code(concat(${name}, did, subject), 52)) AS cid,
      concat('{"$type":', to_json(${name}), ',"createdAt":"', iso_time(event_us), '","subject":"', subject, '"}') AS record,
      event_us
    FROM timed`;
}

function profiles(options: RecordsOptions): string {
  return `
    SELECT
      did, 'app.bsky.actor.profile' AS "collection", 'self' AS rkey,
      CASE edit WHEN 0 THEN 'create' ELSE 'update' END AS "operation",
      concat('bafyrei', code(concat('profile ', did, edit), 52)) AS cid,
      concat('{"$type":"app.bsky.actor.profile","displayName":"Account ', author, '","description":"Generated account number ', author,
        CASE edit WHEN 0 THEN '' ELSE ', edited' END, '","createdAt":"', iso_time(${options.startUs}), '"}') AS record,
      ${options.startUs} + floor(draw('profile', author) * 3600000000)::BIGINT + edit * ${Math.floor((options.endUs - options.startUs) / 2)} AS event_us
    FROM world_authors, range(2) AS edits (edit)
    WHERE edit = 0 OR draw('profile edit', author) < 0.1`;
}

function others(options: RecordsOptions): string {
  return `
    SELECT
      did, 'app.bsky.graph.listitem' AS "collection", tid(event_us, 3) AS rkey, 'create' AS "operation",
      concat('bafyrei', code(concat('listitem ', did), 52)) AS cid,
      concat('{"$type":"app.bsky.graph.listitem","createdAt":"', iso_time(event_us), '","subject":"', did, '","list":"at://', did, '/app.bsky.graph.list/friends"}') AS record,
      event_us
    FROM (
      SELECT did, ${options.liveUs} + floor(draw('listitem', author) * ${options.endUs - options.liveUs})::BIGINT AS event_us
      FROM world_authors WHERE author % 9 = 0
    )`;
}

/** A delete, some minutes later, of the rows of a table of creates that a share of the draws falls on. */
function deletesOf(creates: string, share: number, options: RecordsOptions): string {
  return `
    SELECT did, "collection", rkey, 'delete' AS "operation", NULL AS cid, NULL AS record,
      event_us + 300000000 + floor(draw(concat('undone ', did), rkey) * 600000000)::BIGINT AS event_us
    FROM ${creates}
    WHERE draw(concat('undo ', did, "collection"), rkey) < ${share} AND event_us >= ${options.liveUs} AND event_us < ${options.endUs} - 1000000000`;
}

/** When a deleted post was deleted; the column exists only for posts that were. */
export const deletedUs = (options: WorldOptions): string =>
  `least(event_us + 60000000 + floor(draw('deleted when', i) * 7200000000)::BIGINT, ${options.endUs} - 1000)`;

/** Queries for `raw/records`, by collection, after the temporary tables that they read. Each is written by one COPY. */
export function recordQueries(options: RecordsOptions): {
  tables: string[];
  queries: Record<string, string>;
} {
  const deletedPosts = `
    SELECT did, 'app.bsky.feed.post' AS "collection", rkey, 'delete' AS "operation", NULL AS cid, NULL AS record, ${deletedUs(options)} AS event_us
    FROM world_posts WHERE is_deleted`;
  const both = (creates: string, deletes: string): string => `(${creates}) UNION ALL BY NAME (${deletes})`;
  return {
    tables: [
      `CREATE OR REPLACE TEMP TABLE world_likes AS ${reactions('app.bsky.feed.like', options.likes, 3, options)}`,
      `CREATE OR REPLACE TEMP TABLE world_follows AS ${graph('app.bsky.graph.follow', options.followsPerAuthor, options)}`,
    ],
    queries: {
      posts: withRepeats(asRecords(both(posts(), deletedPosts), options), 0.01),
      likes: withRepeats(
        asRecords(both('FROM world_likes', deletesOf('world_likes', 0.01, options)), options),
        0.005,
      ),
      reposts: asRecords(reactions('app.bsky.feed.repost', options.reposts, 3, options), options),
      follows: asRecords(both('FROM world_follows', deletesOf('world_follows', 0.02, options)), options),
      blocks: asRecords(graph('app.bsky.graph.block', 1, options), options),
      profiles: asRecords(profiles(options), options),
      others: asRecords(others(options), options),
    },
  };
}
