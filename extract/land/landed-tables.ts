import { collectionGroups, otherCollections, tables, type Table } from '../../lake/index.ts';

/** One table that a batch adds rows to. */
export interface LandedTable {
  name: string;
  table: Table;
  /** Query of the table's columns with `hour_number`, hours since 1970, and for records `collection_group`. */
  query: string;
}

const gapColumns = [...tables.gaps.columns.map(({ name }) => `"${name}"`), 'hour_number'].join(', ');
const hourOf = (us: string): string => `${us} // 3600000000 AS hour_number`;
const grouped = collectionGroups.map((name) => `'${name}'`).join(', ');

/** Only posts are ever served, so only their deletes must reach the server; staging folds every delete from raw. */
const servedCollection = 'app.bsky.feed.post';

/** What sources report of the network, as it happens or afterwards. */
const events = '(FROM landing_events UNION ALL BY NAME FROM landing_backfilled)';

/** Reason of a malformed line in words; `landing_faults` also has the lines that are no JSON. */
const faults = `
  SELECT NULL AS did, 'malformed_line' AS reason, detail, frame, 1 AS attempts, NULL AS seq, sealed_us AS event_us,
    "source", sealed_us AS ingested_at, segment, ${hourOf('sealed_us')}
  FROM landing_faults`;

/** What is landed from the temporary tables that `decodeSegments` made, and from `landing_faults`. */
export const landedTables: LandedTable[] = [
  {
    name: 'records',
    table: tables.records,
    query: `
      SELECT *, ${hourOf('event_us')}, CASE WHEN "collection" IN (${grouped}) THEN "collection" ELSE '${otherCollections}' END AS collection_group
      FROM ${events} WHERE fault IS NULL AND kind = 'record'`,
  },
  ...(['identities', 'accounts'] as const).map((name) => ({
    name,
    table: tables[name],
    query: `SELECT *, ${hourOf('event_us')} FROM ${events} WHERE fault IS NULL AND kind = '${name === 'identities' ? 'identity' : 'account'}'`,
  })),
  {
    name: 'rejected',
    table: tables.rejected,
    query: `
      SELECT did, reason, detail, frame, coalesce(attempts, 1) AS attempts, seq, event_us, "source", ingested_at, segment, ${hourOf('event_us')}
      FROM ${events} WHERE fault IS NULL AND kind = 'rejected'
      UNION ALL BY NAME
      SELECT did, reason, detail, frame, coalesce(attempts, 1) AS attempts, seq, event_us, "source", ingested_at, segment, ${hourOf('event_us')}
      FROM landing_marks WHERE fault IS NULL AND t = 'rejected'
      UNION ALL BY NAME ${faults}`,
  },
  {
    name: 'gaps',
    table: tables.gaps,
    query: `
      SELECT ${gapColumns} FROM (
        SELECT * REPLACE (gap_kind AS kind), gap_state AS state, ${hourOf('event_us')}
        FROM ${events} WHERE fault IS NULL AND kind = 'gap')
      UNION ALL
      SELECT ${gapColumns} FROM (SELECT *, ${hourOf('event_us')} FROM landing_marks WHERE fault IS NULL AND t = 'gap')`,
  },
  {
    name: 'backfills',
    table: tables.backfills,
    query: `SELECT * REPLACE (asked AS kind), ${hourOf('event_us')} FROM landing_backfilled WHERE fault IS NULL AND kind = 'backfill'`,
  },
  {
    name: 'profiles',
    table: tables.profiles,
    query: `SELECT *, ${hourOf('event_us')} FROM landing_backfilled WHERE fault IS NULL AND kind = 'profile'`,
  },
  {
    name: 'moderation_labels',
    table: tables.moderationLabels,
    query: `SELECT *, ${hourOf('event_us')} FROM landing_marks WHERE fault IS NULL AND t = 'moderation_label'`,
  },
  {
    name: 'tombstones',
    table: tables.tombstones,
    query: `
      SELECT 'record' AS kind, did, concat('at://', did, '/', "collection", '/', rkey) AS uri, true AS hidden, 'record_deleted' AS reason,
        event_us, segment, ${hourOf('event_us')}
      FROM ${events} WHERE fault IS NULL AND kind = 'record' AND "operation" = 'delete' AND "collection" = '${servedCollection}'
      UNION ALL BY NAME
      SELECT 'account' AS kind, did, NULL AS uri, NOT active AS hidden,
        concat('account_', CASE WHEN active THEN 'active' ELSE coalesce(status, 'inactive') END) AS reason,
        event_us, segment, ${hourOf('event_us')}
      FROM ${events} WHERE fault IS NULL AND kind = 'account'`,
  },
  {
    name: 'exposures',
    table: tables.exposures,
    // one row a position; an answer without positions keeps its one row; positions leap where a post was left out
    query: `
      SELECT * REPLACE (sent.position AS position, sent.uri AS uri), ${hourOf('served_us')}
      FROM (
        SELECT *, unnest(CASE
          WHEN coalesce(len(uris), 0) = 0 THEN [{'position': NULL::INTEGER, 'uri': NULL::VARCHAR}]
          ELSE list_transform(uris, lambda sent_uri, i:
            {'position': coalesce(positions[i], feed_offset + i)::INTEGER, 'uri': sent_uri})
        END) AS sent
        FROM landing_answers WHERE fault IS NULL AND t = 'exposure'
      )`,
  },
  {
    name: 'interactions',
    table: tables.interactions,
    query: `SELECT *, ${hourOf('received_us')} FROM landing_answers WHERE fault IS NULL AND t = 'interaction'`,
  },
  {
    name: 'runs',
    table: tables.runs,
    query: `SELECT *, ${hourOf('ts')} FROM landing_stages WHERE fault IS NULL`,
  },
];
