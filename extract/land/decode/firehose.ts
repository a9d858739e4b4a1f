import { readLines, structure, type SegmentFiles } from './lines.ts';

const fields = {
  t: 'VARCHAR',
  seq: 'BIGINT',
  event_us: 'BIGINT',
  did: 'VARCHAR',
  ingested_at: 'BIGINT',
  source: 'VARCHAR',
  live: 'BOOLEAN',
  verified: 'BOOLEAN',
  collection: 'VARCHAR',
  rkey: 'VARCHAR',
  operation: 'VARCHAR',
  cid: 'VARCHAR',
  rev: 'VARCHAR',
  handle: 'VARCHAR',
  active: 'BOOLEAN',
  status: 'VARCHAR',
  reason: 'VARCHAR',
  detail: 'VARCHAR',
  frame: 'VARCHAR',
  attempts: 'INTEGER',
  gap_id: 'VARCHAR',
  kind: 'VARCHAR',
  state: 'VARCHAR',
  from_us: 'BIGINT',
  to_us: 'BIGINT',
  from_seq: 'BIGINT',
  to_seq: 'BIGINT',
};

/** What a format has besides the firehose's lines. */
export interface MoreKinds {
  /** Fields of its own lines; columns of the same names come of them. */
  fields: Record<string, string>;
  /** Branches of the CASE that judges a line by its kind. */
  required: string;
}

/**
 * Rows of the table `events` from segments of format firehose/1, or of one that has more kinds of lines.
 *
 * A record's JSON is cut out of the line as it stands there: extracting it would write it anew (1.0 for 1e0, other
 * escapes), and nobody could hash it again. Capture puts `record` last in its line; where that should not be so, the
 * cut is no JSON and the record is extracted after all.
 */
export function decodeFirehose(files: SegmentFiles, more: MoreKinds = { fields: {}, required: '' }): string {
  const line = structure({ ...fields, ...more.fields });
  const columns = Object.keys(more.fields).map((name) => `, s."${name}" AS "${name}"`);
  return `
    WITH parsed AS (
      SELECT segment, line, json_transform(line, ${line}) AS s FROM (${readLines(files)})
    ),
    judged AS (
      SELECT
        *,
        CASE
          WHEN line IS NULL THEN 'not_json'
          WHEN coalesce(
            plausible(s.ingested_at) AND s.event_us IS NOT NULL AND s.source IS NOT NULL
            AND CASE s.t
              WHEN 'record' THEN s.did LIKE 'did:%' AND s.collection IS NOT NULL AND s.rkey IS NOT NULL AND s.rev IS NOT NULL
                AND s.operation IN ('create', 'update', 'delete') AND s.live IS NOT NULL AND s.verified IS NOT NULL
              WHEN 'identity' THEN s.did LIKE 'did:%'
              WHEN 'account' THEN s.did LIKE 'did:%' AND s.active IS NOT NULL
              WHEN 'rejected' THEN s.reason IS NOT NULL
              WHEN 'gap' THEN s.gap_id IS NOT NULL AND s.kind IS NOT NULL AND s.state IS NOT NULL
              WHEN 'cursor' THEN true
              ${more.required}
            END, false)
          THEN NULL
          ELSE 'malformed_line'
        END AS fault,
        CASE WHEN s.t = 'record' AND s.operation <> 'delete' THEN json_after(line, ',"record":', 1) END AS cut
      FROM parsed
    )
    SELECT
      segment, fault,
      CASE WHEN fault = 'malformed_line' THEN line::VARCHAR END AS faulty_line,
      s.t AS kind, s.did AS did, s.collection AS "collection", s.rkey AS rkey, s.operation AS "operation", s.cid AS cid, s.rev AS rev,
      CASE
        WHEN s.t <> 'record' OR s.operation = 'delete' THEN NULL
        WHEN json_valid(cut) THEN nullif(cut, 'null')
        ELSE nullif((line -> '$.record')::VARCHAR, 'null')
      END AS record,
      s.seq AS seq, witness(s.event_us, s.ingested_at) AS event_us, s.event_us AS stated_us, s.source AS "source",
      s.live AS live, s.verified AS verified, s.ingested_at AS ingested_at, s.handle AS handle, s.active AS active, s.status AS status,
      s.reason AS reason, s.detail AS detail, s.frame AS frame, s.attempts AS attempts,
      s.gap_id AS gap_id, s.kind AS gap_kind, s.state AS gap_state, s.from_us AS from_us, s.to_us AS to_us, s.from_seq AS from_seq, s.to_seq AS to_seq
      ${columns.join('')}
    FROM judged`;
}
