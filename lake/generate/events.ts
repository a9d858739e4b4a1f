import { deletedUs, timeKeys } from './records.ts';
import { cast, type WorldOptions } from './world.ts';

/** Seq of a live event in the generated world: later events have greater ones. */
const seqOf = (column: string): string => `${column} - 1000000000000000`;

const common = (eventUs: string): string =>
  `${seqOf(eventUs)} AS seq, ${eventUs} AS event_us, 'firehose' AS "source", ${eventUs} + 250000 AS ingested_at, 'generated' AS segment, ${timeKeys(eventUs)}`;

/** Account status events, one row each: who, when, active, status. */
const accountEvents = (options: WorldOptions): string => {
  const at = (share: number): number => Math.floor(options.liveUs + share * (options.endUs - options.liveUs));
  return `(VALUES
    (${cast.deactivated}, ${at(0.8)}, false, 'deactivated'),
    (${cast.takendown}, ${at(0.85)}, false, 'takendown'),
    (${cast.reactivated}, ${at(0.5)}, false, 'deactivated'),
    (${cast.reactivated}, ${at(0.7)}, true, NULL)
  ) AS events (author, event_us, active, status)`;
};

/** Queries for the tables of events that are no records, by table name. */
export function eventQueries(options: WorldOptions): Record<string, string> {
  const { startUs, liveUs, endUs } = options;
  const span = endUs - liveUs;
  const at = (share: number): number => Math.floor(liveUs + share * span);
  return {
    identities: `
      SELECT did, CASE WHEN author % 50 = 49 THEN NULL ELSE handle END AS handle, ${common('event_us')}
      FROM (SELECT *, ${liveUs} + floor(draw('identity', author) * ${span})::BIGINT AS event_us FROM world_authors)`,
    accounts: `
      SELECT did, active, status, ${common('event_us')}
      FROM ${accountEvents(options)} JOIN world_authors USING (author)`,
    moderationLabels: `
      WITH marked AS (
        SELECT i, uri, cid, event_us + 30000000 AS event_us,
          CASE i % 3 WHEN 0 THEN 'porn' WHEN 1 THEN 'sexual' ELSE 'graphic-media' END AS val
        FROM world_posts WHERE author = ${cast.moderated} OR draw('moderated', i) < 0.005
      ),
      stated AS (
        SELECT *, false AS neg FROM marked
        UNION ALL
        SELECT * REPLACE (event_us + 600000000 AS event_us), true AS neg FROM marked WHERE i % 10 = 7
      )
      SELECT 'did:plc:ar7c4by46qjdydhdevvrndac' AS src, uri, cid, val, neg, event_us - 1000000 AS cts_us, NULL::BIGINT AS exp_us,
        ${common('event_us')}
      FROM stated WHERE event_us < ${endUs}`,
    rejected: `
      SELECT
        CASE n % 4 WHEN 3 THEN NULL ELSE did END AS did,
        ['bad_signature', 'did_unresolved', 'cid_mismatch', 'malformed_frame'][n % 4 + 1] AS reason,
        'generated' AS detail, NULL AS frame, 1 + n % 3 AS attempts, ${common('event_us')}
      FROM (
        SELECT n, ${liveUs} + floor(draw('rejected', n) * ${span})::BIGINT AS event_us, n % (SELECT count(*) FROM world_authors) AS author
        FROM range(8) AS numbers (n)
      ) JOIN world_authors USING (author)`,
    gaps: `
      SELECT gap_id, kind, state, NULL AS did, NULL AS "collection", from_us, to_us,
        ${seqOf('from_us')} AS from_seq, ${seqOf('to_us')} AS to_seq, detail,
        event_us, 'firehose' AS "source", event_us AS ingested_at, 'generated' AS segment, ${timeKeys('event_us')}
      FROM (VALUES
        ('generated-first', 'first_start', 'open', ${startUs}, ${liveUs}, 'capture began', ${liveUs}),
        ('generated-closed', 'disconnect', 'open', ${at(0.3)}, ${at(0.31)}, 'the relay closed', ${at(0.31)}),
        ('generated-closed', 'disconnect', 'closed', ${at(0.3)}, ${at(0.31)}, 'the relay replayed it', ${at(0.32)}),
        ('generated-open', 'outdated_cursor', 'open', ${at(0.6)}, ${at(0.62)}, 'older than the window of the relay', ${at(0.62)})
      ) AS statements (gap_id, kind, state, from_us, to_us, detail, event_us)`,
    backfills: `
      SELECT 'repository' AS kind, did, NULL AS uri,
        CASE WHEN author % 25 = 24 THEN 'failed' ELSE 'done' END AS outcome,
        CASE WHEN author % 25 = 24 THEN 'rate_limited' END AS reason, NULL AS detail,
        'https://pds.example.com' AS host, NULL AS rev, CASE WHEN author % 25 <> 24 THEN true END AS verified, '' AS collections,
        CASE WHEN author % 25 <> 24 THEN 10 + author END AS records, CASE WHEN author % 25 <> 24 THEN 10 + author END AS written,
        CASE WHEN author % 25 <> 24 THEN 0 END AS deleted, CASE WHEN author % 25 <> 24 THEN 400 * (10 + author) END AS bytes,
        CASE WHEN author % 25 = 24 THEN 3 ELSE 1 END AS attempts,
        'generated' AS run_id, ${liveUs} + author * 1000 AS event_us, 'generated' AS segment, ${timeKeys(`${liveUs} + author * 1000`)}
      FROM world_authors`,
    profiles: `
      SELECT did, handle, 5 * author AS followers, 3 * author AS follows, author AS posts,
        json_object('did', did, 'handle', handle, 'followersCount', 5 * author)::VARCHAR AS profile,
        ${liveUs} + author * 1000 AS event_us, ${liveUs} + author * 1000 AS ingested_at, 'generated' AS segment,
        ${timeKeys(`${liveUs} + author * 1000`)}
      FROM world_authors`,
    tombstones: `
      SELECT 'record' AS kind, did, uri, true AS hidden, 'record_deleted' AS reason, event_us, 'generated' AS segment, ${timeKeys('event_us')}
      FROM (SELECT did, uri, ${deletedUs(options)} AS event_us FROM world_posts WHERE is_deleted)
      UNION ALL
      SELECT 'account', did, NULL, NOT active, concat('account_', coalesce(status, 'active')), event_us, 'generated', ${timeKeys('event_us')}
      FROM ${accountEvents(options)} JOIN world_authors USING (author)`,
    runs: `
      SELECT started + seconds * CASE state WHEN 'running' THEN 0 ELSE 1000000 END AS ts,
        'cycle' AS dag, concat('generated-', run) AS run_id, stage, CASE state WHEN 'running' THEN NULL ELSE 1000 * (step + 1) END AS records,
        CASE state WHEN 'running' THEN 0 ELSE seconds END::DOUBLE AS duration_s, state AS status, 'generated' AS host, 1 AS pid,
        CASE state WHEN 'failed' THEN 'FT_GENERATED: a failure for models to count' END AS error, NULL AS trace_id, NULL AS detail,
        'generated' AS segment, ${timeKeys('started')}
      FROM (
        SELECT run, step, stage, ending, 3 + step AS seconds, ${endUs} - (4 - run) * 3600000000 + step * 60000000 AS started
        FROM range(4) AS runs (run),
          (SELECT generate_subscripts(names, 1) - 1 AS step, unnest(names) AS stage FROM (SELECT ['land', 'transform', 'enrich', 'rank'] AS names)),
          (SELECT unnest(['running', 'ended']) AS ending)
      ),
      LATERAL (SELECT CASE WHEN ending = 'running' THEN 'running' WHEN run = 1 AND stage = 'rank' THEN 'failed' ELSE 'done' END AS state)
      -- the last run was killed in its last stage: it said that it ran and never how it ended
      WHERE NOT (run = 3 AND stage = 'rank' AND ending = 'ended')`,
  };
}
