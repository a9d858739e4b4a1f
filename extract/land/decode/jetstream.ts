import { readLines, structure, type SegmentFiles } from './lines.ts';

const gap = {
  gap_id: 'VARCHAR',
  kind: 'VARCHAR',
  state: 'VARCHAR',
  did: 'VARCHAR',
  collection: 'VARCHAR',
  from_us: 'BIGINT',
  to_us: 'BIGINT',
  from_seq: 'BIGINT',
  to_seq: 'BIGINT',
  detail: 'VARCHAR',
};

const line = structure({
  i: 'BIGINT',
  e: {
    did: 'VARCHAR',
    time_us: 'BIGINT',
    kind: 'VARCHAR',
    commit: { rev: 'VARCHAR', operation: 'VARCHAR', collection: 'VARCHAR', rkey: 'VARCHAR', cid: 'VARCHAR' },
    identity: { handle: 'VARCHAR' },
    account: { active: 'BOOLEAN', status: 'VARCHAR' },
  },
  t: 'BIGINT',
  m: {
    payload: {
      $type: 'VARCHAR',
      did: 'VARCHAR',
      rev: 'VARCHAR',
      operation: 'VARCHAR',
      collection: 'VARCHAR',
      rkey: 'VARCHAR',
      cid: 'VARCHAR',
      identity: { handle: 'VARCHAR' },
      account: { active: 'BOOLEAN', status: 'VARCHAR' },
    },
  },
  gap,
  rejected: { did: 'VARCHAR', reason: 'VARCHAR', detail: 'VARCHAR', frame: 'VARCHAR', attempts: 'INTEGER' },
});

/**
 * Rows of the table `events` from segments of format jetstream/1: the same rows as the firehose gives of the same
 * network, but unverified, without a seq (the place in the stream is a time), and by Jetstream's own clock.
 *
 * An event of version 1 is in `e`; one of version 2 in `m`, in its envelope, with its time in microseconds beside it. Both end in
 * `"record":{…},"cid":"…"}}`; the record is cut out between the two as it stands. Where a server should order its keys
 * in another way, the cut is no JSON and the record is extracted instead.
 */
export function decodeJetstream(files: SegmentFiles): string {
  return `
    WITH parsed AS (
      SELECT segment, line, json_transform(line, ${line}) AS s FROM (${readLines(files)})
    ),
    stated AS (
      SELECT
        segment, line, s, s.i AS i, coalesce(s.e.time_us, s.t) AS time_us,
        coalesce(s.e.kind, split_part(s.m.payload."$type", '#', 2)) AS event_kind,
        coalesce(s.e.did, s.m.payload.did) AS did,
        coalesce(s.e.commit.rev, s.m.payload.rev) AS rev,
        coalesce(s.e.commit.operation, s.m.payload.operation) AS "operation",
        coalesce(s.e.commit.collection, s.m.payload.collection) AS "collection",
        coalesce(s.e.commit.rkey, s.m.payload.rkey) AS rkey,
        coalesce(s.e.commit.cid, s.m.payload.cid) AS cid,
        coalesce(s.e.identity.handle, s.m.payload.identity.handle) AS handle,
        coalesce(s.e.account.active, s.m.payload.account.active) AS active,
        coalesce(s.e.account.status, s.m.payload.account.status) AS status
      FROM parsed
    ),
    named AS (
      SELECT
        *,
        CASE
          WHEN event_kind = 'commit' THEN 'record'
          WHEN event_kind IS NOT NULL THEN event_kind
          WHEN s.gap.gap_id IS NOT NULL THEN 'gap'
          WHEN s.rejected.reason IS NOT NULL THEN 'rejected'
        END AS kind
      FROM stated
    ),
    judged AS (
      SELECT
        *,
        CASE
          WHEN line IS NULL THEN 'not_json'
          WHEN coalesce(
            plausible(i)
            AND CASE kind
              WHEN 'record' THEN time_us IS NOT NULL AND did LIKE 'did:%' AND "collection" IS NOT NULL
                AND rkey IS NOT NULL AND rev IS NOT NULL AND "operation" IN ('create', 'update', 'delete')
              WHEN 'identity' THEN time_us IS NOT NULL AND did LIKE 'did:%'
              WHEN 'account' THEN time_us IS NOT NULL AND did LIKE 'did:%' AND active IS NOT NULL
              WHEN 'gap' THEN s.gap.kind IS NOT NULL AND s.gap.state IS NOT NULL
              WHEN 'rejected' THEN true
            END, false)
          THEN NULL
          ELSE 'malformed_line'
        END AS fault,
        CASE
          WHEN kind = 'record' AND "operation" <> 'delete'
            THEN json_after(line, ',"record":', length(cid) + 12)
        END AS cut
      FROM named
    )
    SELECT
      segment, fault,
      CASE WHEN fault = 'malformed_line' THEN line::VARCHAR END AS faulty_line,
      kind, coalesce(did, s.gap.did, s.rejected.did) AS did, coalesce("collection", s.gap.collection) AS "collection",
      rkey, "operation", CASE WHEN "operation" <> 'delete' THEN cid END AS cid, rev,
      CASE
        WHEN kind <> 'record' OR "operation" = 'delete' THEN NULL
        WHEN json_valid(cut) AND ends_with(line, concat(',"cid":"', cid, '"}}}')) THEN cut
        ELSE nullif(coalesce(line -> '$.e.commit.record', line -> '$.m.payload.record')::VARCHAR, 'null')
      END AS record,
      NULL::BIGINT AS seq, witness(coalesce(time_us, i), i) AS event_us, coalesce(time_us, i) AS stated_us, 'jetstream' AS "source",
      true AS live, false AS verified, i AS ingested_at, handle, active, status,
      s.rejected.reason AS reason, coalesce(s.rejected.detail, s.gap.detail) AS detail, s.rejected.frame AS frame, s.rejected.attempts AS attempts,
      s.gap.gap_id AS gap_id, s.gap.kind AS gap_kind, s.gap.state AS gap_state,
      s.gap.from_us AS from_us, s.gap.to_us AS to_us, s.gap.from_seq AS from_seq, s.gap.to_seq AS to_seq
    FROM judged`;
}
