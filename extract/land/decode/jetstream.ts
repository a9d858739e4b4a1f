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
  gap,
  rejected: { did: 'VARCHAR', reason: 'VARCHAR', detail: 'VARCHAR', frame: 'VARCHAR', attempts: 'INTEGER' },
});

/**
 * Rows of the table `events` from segments of format jetstream/1: the same rows as the firehose gives of the same
 * network, but unverified, without a seq (Jetstream's place in its stream is `time_us`), and by Jetstream's own clock.
 *
 * Jetstream writes `"record":{…},"cid":"…"}}` at the end of a commit; the record is cut out between the two as it
 * stands. Where a server should order its keys in another way, the cut is no JSON and the record is extracted instead.
 */
export function decodeJetstream(files: SegmentFiles): string {
  return `
    WITH parsed AS (
      SELECT segment, line, json_transform(line, ${line}) AS s FROM (${readLines(files)})
    ),
    named AS (
      SELECT
        *,
        CASE
          WHEN s.e.kind = 'commit' THEN 'record'
          WHEN s.e.kind IS NOT NULL THEN s.e.kind
          WHEN s.gap.gap_id IS NOT NULL THEN 'gap'
          WHEN s.rejected.reason IS NOT NULL THEN 'rejected'
        END AS kind
      FROM parsed
    ),
    judged AS (
      SELECT
        *,
        CASE
          WHEN line IS NULL THEN 'not_json'
          WHEN coalesce(
            plausible(s.i)
            AND CASE kind
              WHEN 'record' THEN s.e.time_us IS NOT NULL AND s.e.did LIKE 'did:%' AND s.e.commit.collection IS NOT NULL
                AND s.e.commit.rkey IS NOT NULL AND s.e.commit.rev IS NOT NULL AND s.e.commit.operation IN ('create', 'update', 'delete')
              WHEN 'identity' THEN s.e.time_us IS NOT NULL AND s.e.did LIKE 'did:%'
              WHEN 'account' THEN s.e.time_us IS NOT NULL AND s.e.did LIKE 'did:%' AND s.e.account.active IS NOT NULL
              WHEN 'gap' THEN s.gap.kind IS NOT NULL AND s.gap.state IS NOT NULL
              WHEN 'rejected' THEN true
            END, false)
          THEN NULL
          ELSE 'malformed_line'
        END AS fault,
        CASE
          WHEN kind = 'record' AND s.e.commit.operation <> 'delete'
            THEN json_after(line, ',"record":', length(s.e.commit.cid) + 12)
        END AS cut
      FROM named
    )
    SELECT
      segment, fault,
      CASE WHEN fault = 'malformed_line' THEN line::VARCHAR END AS faulty_line,
      kind, coalesce(s.e.did, s.gap.did, s.rejected.did) AS did, coalesce(s.e.commit.collection, s.gap.collection) AS "collection",
      s.e.commit.rkey AS rkey, s.e.commit.operation AS "operation",
      CASE WHEN s.e.commit.operation <> 'delete' THEN s.e.commit.cid END AS cid, s.e.commit.rev AS rev,
      CASE
        WHEN kind <> 'record' OR s.e.commit.operation = 'delete' THEN NULL
        WHEN json_valid(cut) AND ends_with(line, concat(',"cid":"', s.e.commit.cid, '"}}}')) THEN cut
        ELSE nullif((line -> '$.e.commit.record')::VARCHAR, 'null')
      END AS record,
      NULL::BIGINT AS seq, witness(coalesce(s.e.time_us, s.i), s.i) AS event_us, coalesce(s.e.time_us, s.i) AS stated_us, 'jetstream' AS "source",
      true AS live, false AS verified, s.i AS ingested_at, s.e.identity.handle AS handle, s.e.account.active AS active, s.e.account.status AS status,
      s.rejected.reason AS reason, coalesce(s.rejected.detail, s.gap.detail) AS detail, s.rejected.frame AS frame, s.rejected.attempts AS attempts,
      s.gap.gap_id AS gap_id, s.gap.kind AS gap_kind, s.gap.state AS gap_state,
      s.gap.from_us AS from_us, s.gap.to_us AS to_us, s.gap.from_seq AS from_seq, s.gap.to_seq AS to_seq
    FROM judged`;
}
