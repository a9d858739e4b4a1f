import { sqlText, type Engine } from '../parquet/engine.ts';
import { tables, type Table } from '../schemas/index.ts';
import { typedColumns } from '../parquet/write.ts';
import type { Lake } from '../store/store.ts';
import { drawMacros } from './draws.ts';
import { defaultMeans, type LabelMeans } from './labels.ts';
import { phrases } from './texts.ts';

export interface ScaleOptions {
  lake: Lake;
  engine: Engine;
  /** The same seed, posts, days and end give the same rows. Default 'scale'. */
  seed?: string;
  /** Posts between the first moment and the end, spread evenly. */
  posts: number;
  /** How many days they are spread over. */
  days: number;
  /** The end, microseconds UTC. Default 2026-07-04 15:00. */
  endUs?: number;
  /** Default one for every twenty posts. */
  authors?: number;
  /** Default 5 for every post. */
  likesPerPost?: number;
  /** Default 20 for every author, all of before the first day. */
  followsPerAuthor?: number;
  /** False leaves labels out. Default true. */
  labels?: boolean;
  /** Labels other than the language are given to the posts of so many days before the end alone. Default all. */
  labelledDays?: number;
  means?: LabelMeans;
  /** The lake was filled with the same options before: nothing is written but what `more` brings. */
  reuse?: boolean;
  labelVersions?: Record<string, string>;
  /** Hours that are written one file each, as landing does; earlier days are one file, as compaction leaves them. Default 48. */
  hourlyHours?: number;
}

export interface ScaleLake {
  rows: Record<string, number>;
  startUs: number;
  endUs: number;
  /** Writes what comes in the hours from `endUs` on, as landing and labelling would. */
  more(hours: number): Promise<Record<string, number>>;
  /**
   * Writes, in the last of the hours that `more` wrote, that some of what came before them is taken back: so many posts and likes, spread evenly
   * over all the days.
   */
  takeBack(posts: number, likes: number): Promise<Record<string, number>>;
}

const tid = (us: string, clock: string): string =>
  `translate(lower(to_base((${us} << 10) | (${clock}), 32, 13)), '0123456789abcdefghijklmnopqrstuv', '234567abcdefghijklmnopqrstuvwxyz')`;

const english = phrases.filter(({ language, tone }) => language === 'en' && tone !== 'short');
const foreign = phrases.filter(({ language }) => language !== 'en');
const list = (texts: string[]): string => `[${texts.map(sqlText).join(', ')}]`;

/**
 * Fills a lake with millions of posts, likes, follows and labels, straight to Parquet. Every row is a function of its number and the
 * seed, so that any range of them can be made by itself: the hour after, for instance. It is for measuring; what `generateLake`
 * makes has every kind of account and record, and a hundredth of the speed.
 *
 * A third of the posts is not English, a quarter are replies, one in fifty is deleted, one like in a hundred taken back; half of all likes
 * fall on one post in fifty; labels have the means of the study's. What has labels has an embedding too, the same for every post: SQL
 * reads only which posts have one.
 */
export async function generateScale(options: ScaleOptions): Promise<ScaleLake> {
  const { lake, engine, seed = 'scale', posts, days, means = defaultMeans } = options;
  const endUs = options.endUs ?? Date.UTC(2026, 6, 4, 15) * 1000;
  const startUs = endUs - days * 86_400e6;
  const authors = options.authors ?? Math.max(Math.ceil(posts / 20), 100);
  const likesPerPost = options.likesPerPost ?? 5;
  const step = (endUs - startUs) / posts;
  const likeStep = step / likesPerPost;
  const hourlyFromUs = endUs - (options.hourlyHours ?? 48) * 3_600e6;
  const version = (labeler: string): string => sqlText(options.labelVersions?.[labeler] ?? '1');

  for (const macro of drawMacros(seed)) await engine.run(macro);
  const macros = [
    `post_us(i) AS (${startUs} + (i * ${step})::BIGINT)`,
    `post_author(h) AS floor(pow((h & 2097151)::DOUBLE / 2097152, 1.8) * ${authors})::BIGINT`,
    `post_rkey(i) AS ${tid('post_us(i) - 1500000', 'i % 1024')}`,
    `post_language(h) AS CASE WHEN (h >> 21) & 1023 < 640 THEN 'en' WHEN (h >> 21) & 1023 < 860 THEN 'ja' ELSE 'pt' END`,
    `at_hour(us) AS CASE WHEN us < ${hourlyFromUs} THEN 'all' ELSE strftime(make_timestamp(us), '%H') END`,
    `at_day(us) AS strftime(make_timestamp(us), '%Y-%m-%d')`,
  ];
  for (const macro of macros) await engine.run(`CREATE OR REPLACE TEMP MACRO ${macro}`);
  await engine.run(`
    CREATE OR REPLACE TEMP TABLE scale_authors AS
    SELECT author, concat('did:plc:', code(concat(${sqlText(seed)}, '/account/', author), 24)) AS did
    FROM range(${authors}) AS numbers (author)`);

  const write = async (table: Table, query: string, name: string): Promise<number> => {
    const keys = table.partitions.map((key) => `"${key}"`).join(', ');
    const [written] = await engine.rows<{ Count: bigint }>(
      `COPY (SELECT ${typedColumns(table)}, ${keys} FROM (${query})) TO ${sqlText(lake.uri(table.folder))}
       (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (${keys}), OVERWRITE_OR_IGNORE, FILENAME_PATTERN ${sqlText(`${name}-{i}`)})`,
    );
    return Number(written?.Count ?? 0);
  };
  const record = (inner: string, collection: string): string => `
    SELECT did, ${sqlText(collection)} AS "collection", rkey, "operation", cid, ${tid('event_us - 1000', '7')} AS rev, record,
      event_us - 1000000000000000 AS seq, event_us, 'firehose' AS "source", true AS live, true AS verified,
      event_us + 250000 AS ingested_at, 'scale' AS segment,
      ${sqlText(collection)} AS collection_group, at_day(event_us) AS dt, at_hour(event_us) AS "hour"
    FROM (${inner})`;
  const text = (from: typeof english, h: string): string => {
    const pick = (part: 'openings' | 'middles' | 'endings', shift: number): string => {
      const all = from.flatMap((phrase) => phrase[part]);
      return `${list(all)}[1 + (((${h} >> ${shift}) & 1023) % ${all.length})::INTEGER]`;
    };
    return `concat(${pick('openings', 31)}, ' ', replace(${pick('middles', 37)}, '{n}', ((${h} >> 20) & 65535)::VARCHAR), ' ', ${pick('endings', 45)})`;
  };

  /** Posts from a first number to before a last one. */
  const postRange = (first: number, last: number): string => `
    SELECT i, bits('post', i) AS h, post_us(i) AS event_us FROM range(${first}, ${last}) AS numbers (i)`;
  /** Likes of some numbers: who, with which key and when, of what. */
  const likesOf = (numbers: string): string => `
    WITH drawn AS (
      SELECT n, bits('like', n) AS g, (${startUs} + n * ${likeStep})::BIGINT AS event_us, n // ${likesPerPost} AS now_i
      FROM ${numbers} AS numbers (n)
    ),
    aimed AS (
      SELECT *, greatest(0, now_i - 1 - floor(pow(part(g, 0), 4) * ${Math.min(posts, Math.ceil((posts / days) * 2))})::BIGINT) AS at_i FROM drawn
    ),
    liked AS (
      SELECT n, g, event_us, CASE WHEN n % 2 = 0 THEN greatest(0, at_i - at_i % 50) ELSE at_i END AS i FROM aimed
    )
    SELECT liked.n, liked.event_us, liker.did, ${tid('liked.event_us - 1000', 'liked.n % 1024')} AS rkey,
      concat('at://', author.did, '/app.bsky.feed.post/', post_rkey(liked.i)) AS subject
    FROM liked
    JOIN scale_authors AS liker ON liker.author = floor(pow(part(liked.g, 1), 1.3) * ${authors})::BIGINT
    JOIN scale_authors AS author ON author.author = post_author(bits('post', liked.i))`;
  const writeRange = async (first: number, last: number, name: string): Promise<Record<string, number>> => {
    const rows: Record<string, number> = {};
    await engine.run(`
      CREATE OR REPLACE TEMP TABLE scale_posts AS
      SELECT i, h, event_us, did, post_rkey(i) AS rkey, concat('bafyrei', lower(hex(h)), 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') AS cid
      FROM (${postRange(first, last)}) JOIN scale_authors ON author = post_author(h)`);
    rows.posts = await write(
      tables.records,
      record(
        `SELECT did, rkey, 'create' AS "operation", cid, event_us,
           concat('{"$type":"app.bsky.feed.post","text":"', CASE WHEN post_language(h) = 'en' THEN ${text(english, 'h')} ELSE ${text(foreign, 'h')} END,
             '","createdAt":"', strftime(make_timestamp(event_us), '%Y-%m-%dT%H:%M:%S.000Z'), '","langs":["', post_language(h), '"]',
             CASE WHEN i % 4 = 3 THEN concat(',"reply":{"root":{"uri":"at://', did, '/app.bsky.feed.post/', post_rkey(i - 3),
               '","cid":"bafy"},"parent":{"uri":"at://', did, '/app.bsky.feed.post/', post_rkey(i - 3), '","cid":"bafy"}}') ELSE '' END,
             CASE WHEN i % 11 = 1 THEN ',"embed":{"$type":"app.bsky.embed.external","external":{"uri":"https://news.example/story","title":"A story","description":"Read more"}}' ELSE '' END,
             '}') AS record
         FROM scale_posts
         UNION ALL
         SELECT did, rkey, 'delete', NULL, event_us + 60000000, NULL FROM scale_posts WHERE i % 50 = 17`,
        'app.bsky.feed.post',
      ),
      `${name}-posts`,
    );
    rows.likes = await write(
      tables.records,
      record(
        `WITH made AS (${likesOf(`range(${first * likesPerPost}, ${last * likesPerPost})`)})
         SELECT did, rkey, 'create' AS "operation", concat('bafyreilike', n) AS cid, event_us,
           concat('{"$type":"app.bsky.feed.like","createdAt":"2026-01-01T00:00:00.000Z","subject":{"cid":"bafy","uri":"', subject, '"}}') AS record
         FROM made
         UNION ALL
         SELECT did, rkey, 'delete', NULL, event_us + 300000000, NULL FROM made WHERE n % 100 = 31`,
        'app.bsky.feed.like',
      ),
      `${name}-likes`,
    );
    if (options.labels ?? true) {
      const said = (labeler: string, label: string, mean: number | null, where: string): string => `
        SELECT concat('at://', did, '/app.bsky.feed.post/', rkey) AS uri, cid, ${version(labeler)} AS version, ${sqlText(label)} AS "label",
          ${mean === null ? '0.97' : `round(pow(part(bits(${sqlText(label)}, i), 0) * 0.999 + 0.0005, ${(1 - mean) / mean}), 6)`} AS score,
          ${mean === null ? 'post_language(h)' : 'NULL'} AS text_value, 'ok' AS status, NULL AS "error", 1 AS attempt, NULL AS latency_ms,
          NULL AS tokens_in, NULL AS tokens_out, NULL AS cost_usd, 'scale' AS run_id, event_us + 900000000 AS labelled_at,
          ${sqlText(labeler)} AS labeler, at_day(event_us + 900000000) AS dt
        FROM scale_posts WHERE ${where}`;
      const labelledFromUs = endUs - (options.labelledDays ?? days) * 86_400e6;
      const isEnglish = `post_language(h) = 'en' AND i % 33 <> 5 AND event_us >= ${labelledFromUs}`;
      rows.labels = await write(
        tables.labels,
        [
          said('language', 'language', null, 'true'),
          said('student_toxicity', 'toxic', means.toxic, isEnglish),
          said('student_constructive', 'constructive', means.constructive, isEnglish),
          said('student_sociopolitical', 'sociopolitical', means.sociopolitical, isEnglish),
          said('student_moral_outrage', 'moral_outrage', means.moral_outrage, isEnglish),
          said('perspective', 'TOXICITY', means.toxic, isEnglish),
          said('perspective', 'CONSTRUCTIVE', means.constructive, isEnglish),
          said('perspective', 'REASONING', means.constructive, isEnglish),
          said('perspective', 'MORAL_OUTRAGE', means.moral_outrage, isEnglish),
        ].join('\n        UNION ALL\n'),
        `${name}-labels`,
      );
      rows.embeddings = await write(
        tables.embeddings,
        `SELECT concat('at://', did, '/app.bsky.feed.post/', rkey) AS uri, cid, 'embeddings' AS labeler, ${version('embeddings')} AS version,
           list_resize([1.0::FLOAT], 384, 0.0::FLOAT) AS embedding, 'scale' AS run_id, event_us + 900000000 AS labelled_at,
           at_day(event_us + 900000000) AS dt
         FROM scale_posts WHERE ${isEnglish}`,
        `${name}-embeddings`,
      );
    }
    await engine.run('DROP TABLE scale_posts');
    return rows;
  };

  const rows: Record<string, number> = {};
  if (!options.reuse)
    rows.follows = await write(
      tables.records,
      record(
        `SELECT a.did, ${tid(`${startUs} + (n * 1000)::BIGINT`, 'n % 1024')} AS rkey, 'create' AS "operation", concat('bafyreifollow', n) AS cid,
         ${startUs} + (n * 1000)::BIGINT AS event_us,
         concat('{"$type":"app.bsky.graph.follow","createdAt":"2026-01-01T00:00:00.000Z","subject":"', b.did, '"}') AS record
       FROM (SELECT n, bits('follow', n) AS g FROM range(${authors * (options.followsPerAuthor ?? 20)}) AS numbers (n))
       JOIN scale_authors AS a ON a.author = n % ${authors}
       JOIN scale_authors AS b ON b.author = floor(pow(part(g, 0), 1.5) * ${authors})::BIGINT`,
        'app.bsky.graph.follow',
      ),
      'base-follows',
    );
  // a million posts at a time: the partitions of one COPY are all open at once
  for (let first = 0; first < posts && !options.reuse; first += 1_000_000) {
    const written = await writeRange(first, Math.min(posts, first + 1_000_000), `base-${first / 1_000_000}`);
    for (const [name, count] of Object.entries(written)) rows[name] = (rows[name] ?? 0) + count;
  }
  let reached = posts;
  return {
    rows,
    startUs,
    endUs,
    async more(hours) {
      const first = reached;
      reached += Math.ceil((hours * 3_600e6) / step);
      return writeRange(first, reached, `more-${first}`);
    },
    async takeBack(takenPosts, takenLikes) {
      const hourUs = Math.floor((startUs + reached * step - 1) / 3_600e6) * 3_600e6;
      const before = Math.floor((hourUs - startUs) / step);
      const takenBack = (from: string, n: number): string => `
        SELECT did, rkey, 'delete' AS "operation", NULL AS cid, ${hourUs} + ((row_number() OVER (ORDER BY did, rkey) - 1) * ${3_600e6 / n})::BIGINT AS event_us,
          NULL AS record
        FROM (${from})`;
      const every = (of: number, n: number): string =>
        `range(0, ${Math.floor(of / n) * n}, ${Math.floor(of / n)})`;
      const name = `back-${reached}`;
      return {
        posts: await write(
          tables.records,
          record(
            takenBack(
              `SELECT did, post_rkey(i) AS rkey FROM ${every(before, takenPosts)} AS numbers (i)
               JOIN scale_authors ON author = post_author(bits('post', i))`,
              takenPosts,
            ),
            'app.bsky.feed.post',
          ),
          `${name}-posts`,
        ),
        likes: await write(
          tables.records,
          record(
            takenBack(likesOf(every(before * likesPerPost, takenLikes)), takenLikes),
            'app.bsky.feed.like',
          ),
          `${name}-likes`,
        ),
      };
    },
  };
}
