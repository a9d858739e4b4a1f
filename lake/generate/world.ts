import { sqlText, type Engine } from '../parquet/engine.ts';
import { drawMacros } from './draws.ts';
import { phrases } from './texts.ts';

/** Accounts that a generated world always has, each there to trip one rule. */
export const cast = {
  superposter: 0,
  excludelisted: 1,
  adult: 2,
  spammer: 3,
  deactivated: 4,
  takendown: 5,
  reactivated: 6,
  moderated: 7,
  quiet: 8,
} as const;

/** The first account that may be a participant; those before it are the cast. */
export const firstParticipant = 20;

export interface WorldOptions {
  seed: string;
  posts: number;
  authors: number;
  /** First and last moment, microseconds UTC. */
  startUs: number;
  endUs: number;
  /** Posts before this moment are known from backfill alone. */
  liveUs: number;
}

const list = (texts: string[]): string => `[${texts.map(sqlText).join(', ')}]`;

/**
 * Makes the two temporary tables that everything else is drawn from: `world_authors`, one row per account, and
 * `world_posts`, one row per post in the order of time.
 */
export async function makeWorld(engine: Engine, options: WorldOptions): Promise<void> {
  const { seed, posts, authors, startUs, endUs, liveUs } = options;
  for (const macro of drawMacros(seed)) await engine.run(macro);

  await engine.run(`
    CREATE OR REPLACE TEMP TABLE world_phrases AS
    SELECT * FROM (VALUES
      ${phrases.map((p) => `(${sqlText(p.language)}, ${sqlText(p.tone)}, ${list(p.openings)}, ${list(p.middles)}, ${list(p.endings)})`).join(',\n      ')}
    ) AS phrases (language, tone, openings, middles, endings)`);

  await engine.run(`
    CREATE OR REPLACE TEMP TABLE world_authors AS
    SELECT
      author,
      concat('did:plc:', code(concat(${sqlText(seed)}, '/account/', author), 24)) AS did,
      concat('account', author, '.generated.test') AS handle
    FROM range(${authors}) AS numbers (author)`);

  // The superposter must be one at any size: a dozen posts a day, at most a quarter of all.
  const days = (endUs - startUs) / 86_400e6;
  const every = Math.min(25, Math.max(4, Math.floor(posts / (days * 12))));
  const width = (endUs - startUs) / posts;
  await engine.run(`
    CREATE OR REPLACE TEMP TABLE world_posts AS
    WITH drawn AS (
      SELECT i, bits('post', i) AS a, bits('post more', i) AS b FROM range(${posts}) AS numbers (i)
    ),
    authored AS (
      SELECT
        *,
        ${startUs} + ((i + part(a, 0) * 0.9) * ${width})::BIGINT AS event_us,
        CASE
          WHEN i % ${every} = 1 THEN ${cast.superposter}
          WHEN i % 50 = 12 THEN ${cast.excludelisted} + (i // 50) % 7
          ELSE ${cast.quiet} + floor(pow(part(a, 1), 1.5) * ${authors - cast.quiet})::BIGINT
        END AS author,
        part(a, 2) AS tone_draw,
        part(b, 0) AS language_draw
      FROM drawn
    ),
    toned AS (
      SELECT
        *,
        CASE
          WHEN author = ${cast.spammer} THEN 'spam'
          WHEN author = ${cast.adult} THEN 'adult'
          WHEN language_draw >= 0.62 THEN 'everyday'
          WHEN tone_draw < 0.12 THEN 'heated'
          WHEN tone_draw < 0.30 THEN 'constructive'
          WHEN tone_draw < 0.33 THEN 'spam'
          WHEN tone_draw < 0.36 THEN 'short'
          WHEN tone_draw < 0.38 THEN 'adult'
          ELSE 'everyday'
        END AS tone,
        CASE
          WHEN author IN (${cast.spammer}, ${cast.adult}) OR language_draw < 0.62 THEN 'en'
          WHEN language_draw < 0.78 THEN 'ja'
          WHEN language_draw < 0.86 THEN 'pt'
          WHEN language_draw < 0.91 THEN 'de'
          WHEN language_draw < 0.96 THEN 'es'
          ELSE 'fr'
        END AS language,
        -- every fourth post is a reply to an earlier one that is none; of those every fourth answers the reply before it
        CASE WHEN i % 4 = 3 AND i > 16 THEN CASE WHEN i % 16 = 15 AND i > 32 THEN i - 4 ELSE i END END AS reply_i
      FROM authored
    ),
    threaded AS (
      SELECT
        *,
        (reply_i - 3) - 4 * floor(pow(part(bits('root', reply_i), 0), 3) * least(reply_i // 4, 500))::BIGINT AS root_i
      FROM toned
    ),
    written AS (
      SELECT
        threaded.*,
        world_authors.did,
        trim(replace(
          concat_ws(' ',
            pick(openings, draw('opening', i)), nullif(pick(middles, draw('middle', i)), ''), nullif(pick(endings, draw('ending', i)), '')),
          '{n}',
          CASE WHEN author = ${cast.spammer} THEN '7' ELSE (2 + floor(part(b, 2) * 97))::INTEGER::VARCHAR END
        )) AS text
      FROM threaded
      JOIN world_phrases USING (language, tone)
      JOIN world_authors USING (author)
    )
    SELECT
      i, author, did, event_us, language, tone, text,
      root_i, CASE WHEN reply_i < i THEN reply_i ELSE root_i END AS parent_i,
      event_us < ${liveUs} AS is_backfilled,
      tid(event_us - 1500000, i % 1024) AS rkey,
      at_uri(did, 'app.bsky.feed.post', tid(event_us - 1500000, i % 1024)) AS uri,
      concat('bafyrei', code(concat(did, '/', i), 52)) AS cid,
      draw('post deleted', i) < 0.02 AND author >= ${cast.quiet} AND event_us >= ${liveUs} AS is_deleted
    FROM written`);
}
