import { defineTable } from './define.ts';

const source = ['VARCHAR', "what it came by: 'firehose', 'jetstream' or 'backfill'"] as const;
const ingestedAt = ['BIGINT', 'when capture took it in, microseconds UTC'] as const;
const segment = ['VARCHAR', 'spool segment that it was landed from; `_manifests` counts rows by it'] as const;
const eventUs = [
  'BIGINT',
  "the source's witness time, microseconds UTC; never `createdAt`, which authors backdate",
] as const;
const seq = ['BIGINT', "position in the source's stream; null where the source has none", 'null'] as const;

export const records = defineTable(
  'raw/records',
  'One row per operation on a record as a source reported it; a record has many over its life and over several sources',
  ['collection_group', 'dt', 'hour'],
  {
    did: ['VARCHAR', 'repository that the record is in'],
    collection: ['VARCHAR', 'NSID of the collection'],
    rkey: ['VARCHAR', 'key of the record in its collection'],
    operation: ['VARCHAR', "'create', 'update' or 'delete'"],
    cid: ['VARCHAR', 'content address of the record; null for a delete', 'null'],
    rev: ['VARCHAR', "the commit's revision (a TID): orders the operations of a repository"],
    record: ['VARCHAR', 'the whole record as JSON text; null for a delete', 'null'],
    seq,
    event_us: eventUs,
    source,
    live: ['BOOLEAN', 'true if witnessed as it happened, false for backfill'],
    verified: [
      'BOOLEAN',
      "true if the commit's signature, the operation's proof and the CID were all checked",
    ],
    ingested_at: ingestedAt,
    segment,
  },
);

export const identities = defineTable('raw/identities', 'One row per identity event', ['dt', 'hour'], {
  did: ['VARCHAR', 'account'],
  handle: ['VARCHAR', 'handle as announced, not verified; null where the event had none', 'null'],
  seq,
  event_us: eventUs,
  source,
  ingested_at: ingestedAt,
  segment,
});

export const accounts = defineTable('raw/accounts', 'One row per account status event', ['dt', 'hour'], {
  did: ['VARCHAR', 'account'],
  active: ['BOOLEAN', 'whether its content may be shown'],
  status: ['VARCHAR', "'takendown', 'suspended', 'deleted', 'deactivated', …; null while active", 'null'],
  seq,
  event_us: eventUs,
  source,
  ingested_at: ingestedAt,
  segment,
});

export const moderationLabels = defineTable(
  'raw/moderation_labels',
  'One row per moderation label event (com.atproto.label.subscribeLabels)',
  ['dt', 'hour'],
  {
    src: ['VARCHAR', 'DID of the labeler'],
    uri: ['VARCHAR', 'at:// URI or DID that is labelled'],
    cid: ['VARCHAR', 'version that is labelled; null for any', 'null'],
    val: ['VARCHAR', "the label, such as 'porn' or '!takedown'"],
    neg: ['BOOLEAN', 'true if it takes back an earlier label'],
    cts_us: ['BIGINT', 'when the labeler made it, microseconds UTC'],
    exp_us: ['BIGINT', 'when it expires, microseconds UTC; null for never', 'null'],
    seq,
    event_us: eventUs,
    ingested_at: ingestedAt,
    segment,
  },
);

export const rejected = defineTable(
  'raw/rejected',
  'One row per event that could not be taken, with what is needed to try again',
  ['dt', 'hour'],
  {
    did: ['VARCHAR', 'repository, where the event got far enough to name one', 'null'],
    reason: [
      'VARCHAR',
      "coded: 'bad_signature', 'bad_proof', 'cid_mismatch', 'did_unresolved', 'malformed_frame', 'too_big', …",
    ],
    detail: ['VARCHAR', 'the error in words', 'null'],
    frame: ['VARCHAR', 'the frame as it came, base64; null if it was too large to keep', 'null'],
    attempts: ['INTEGER', 'how often it was tried'],
    seq,
    event_us: eventUs,
    source,
    ingested_at: ingestedAt,
    segment,
  },
);

export const gaps = defineTable(
  'raw/gaps',
  'One row per statement about a gap: opened when it is found, closed when a backfill covers it',
  ['dt'],
  {
    gap_id: ['VARCHAR', 'the same for all statements about one gap'],
    kind: [
      'VARCHAR',
      "'disconnect', 'outdated_cursor', 'crash', 'chain_break', 'collections_changed', 'first_start', …",
    ],
    state: ['VARCHAR', "'open' or 'closed'"],
    did: ['VARCHAR', 'repository, for a gap of one; null for the whole stream', 'null'],
    collection: ['VARCHAR', 'collection, for a gap of one; null for all', 'null'],
    from_us: ['BIGINT', 'first moment that may be missing, microseconds UTC', 'null'],
    to_us: ['BIGINT', 'last moment that may be missing, microseconds UTC; null while it lasts', 'null'],
    from_seq: ['BIGINT', 'last seq before', 'null'],
    to_seq: ['BIGINT', 'first seq after', 'null'],
    detail: ['VARCHAR', 'in words', 'null'],
    event_us: ['BIGINT', 'when it was stated, microseconds UTC'],
    source,
    ingested_at: ingestedAt,
    segment,
  },
);

export const backfills = defineTable(
  'raw/backfills',
  'One row per question that a backfill asked, and what came of it: a repository, a record, a profile or a window',
  ['dt'],
  {
    kind: ['VARCHAR', "'repository', 'record', 'profile' or 'window'"],
    did: ['VARCHAR', 'account that was asked about; null for a window', 'null'],
    uri: ['VARCHAR', 'record that was asked for; null for other kinds', 'null'],
    outcome: [
      'VARCHAR',
      "'done', 'unchanged' (nothing new since it was last fetched), 'absent' (there is nothing to be had) or 'failed'",
    ],
    reason: [
      'VARCHAR',
      "coded, where it is absent or failed: 'did_tombstoned', 'repo_deactivated', 'record_not_found', 'bad_signature', 'truncated', 'rate_limited', …; null otherwise",
      'null',
    ],
    detail: ['VARCHAR', 'in words', 'null'],
    host: ['VARCHAR', 'server that was asked; null where none was, such as for a file', 'null'],
    rev: ['VARCHAR', 'revision that the repository had; null where none was read', 'null'],
    verified: ['BOOLEAN', 'whether the signature was checked; null where nothing was read', 'null'],
    collections: ['VARCHAR', "collections that were kept, separated by commas; '' for all", 'null'],
    records: ['BIGINT', 'records that the repository had; null where none was read', 'null'],
    written: ['BIGINT', 'rows that were written: records that the lake did not have as they are', 'null'],
    deleted: ['BIGINT', 'records that the lake had and the repository no longer has', 'null'],
    bytes: ['BIGINT', 'bytes that came', 'null'],
    attempts: ['INTEGER', 'how often it was tried'],
    run_id: ['VARCHAR', 'run that asked; joins raw/runs'],
    event_us: ['BIGINT', 'when it ended, microseconds UTC'],
    segment,
  },
);

export const profiles = defineTable(
  'raw/profiles',
  'One row per profile snapshot, as the public API showed the account at that moment',
  ['dt'],
  {
    did: ['VARCHAR', 'account'],
    handle: ['VARCHAR', 'handle, as the API has checked it; null where it gave none', 'null'],
    followers: ['BIGINT', 'followers; null where the API gave no number', 'null'],
    follows: ['BIGINT', 'accounts that it follows; null where the API gave no number', 'null'],
    posts: ['BIGINT', 'posts; null where the API gave no number', 'null'],
    profile: ['VARCHAR', 'the whole answer for this account as JSON text'],
    event_us: ['BIGINT', 'when it was asked, microseconds UTC'],
    ingested_at: ingestedAt,
    segment,
  },
);

export const runs = defineTable(
  'raw/runs',
  'One row per state of a stage of a run: running, then how it ended',
  ['dt'],
  {
    ts: ['BIGINT', 'when this row was written, microseconds UTC'],
    dag: ['VARCHAR', "what ran: 'cycle', 'capture', 'demo', … or the command when it was run by itself"],
    run_id: ['VARCHAR', 'one a run; the stages of a cycle share it'],
    stage: ['VARCHAR', 'the step of the run'],
    records: ['BIGINT', 'rows that the stage handled; null where it counts nothing', 'null'],
    duration_s: ['DOUBLE', 'seconds since the stage began; 0 while running'],
    status: ['VARCHAR', "'running', 'done', 'partial', 'failed', 'refused', 'killed'"],
    host: ['VARCHAR', 'machine'],
    pid: ['BIGINT', 'process'],
    error: ['VARCHAR', 'code and message where it failed; null otherwise', 'null'],
    trace_id: ['VARCHAR', 'OpenTelemetry trace; null where tracing was off', 'null'],
    detail: ['VARCHAR', 'JSON object of what else the stage counted', 'null'],
    segment,
  },
);

export const exposures = defineTable(
  'raw/exposures',
  'One row per position of an answer of the feed server; an answer without positions is one row with position null',
  ['dt', 'hour'],
  {
    req_id: ['VARCHAR', 'the answer; all its positions share it'],
    served_us: ['BIGINT', 'when it was answered, microseconds UTC'],
    participant_id: [
      'VARCHAR',
      'pseudonymous id in the study; null for a reader who is not a participant',
      'null',
    ],
    study: ['VARCHAR', 'study', 'null'],
    arm_assigned: [
      'VARCHAR',
      'arm of the participant at that moment; null for a reader who is not one',
      'null',
    ],
    policy_served: ['VARCHAR', 'ranking policy of the feed that was sent', 'null'],
    policy_version: ['VARCHAR', 'its version', 'null'],
    fallback_reason: [
      'VARCHAR',
      "why the default feed was sent: 'anonymous', 'not_a_participant', 'withdrawn', 'no_feed', 'resolver_down', …; null for a personal feed",
      'null',
    ],
    generation: ['VARCHAR', 'generation that it was cut from', 'null'],
    feed_offset: ['INTEGER', 'place of the first position of this page in its feed, from 0'],
    page_limit: ['INTEGER', 'how many were asked for'],
    position: ['INTEGER', 'place in the feed, from 1', 'null'],
    uri: ['VARCHAR', 'post that was sent', 'null'],
    client: ['VARCHAR', 'user agent, cut to 200 characters', 'null'],
    jti_reused: ['BOOLEAN', 'whether the token had been used before'],
    http_status: ['INTEGER', 'status of the answer'],
    latency_us: ['BIGINT', 'from request to answer, microseconds'],
    segment,
  },
);

export const interactions = defineTable(
  'raw/interactions',
  'One row per interaction that a client reported (app.bsky.feed.sendInteractions)',
  ['dt', 'hour'],
  {
    received_us: ['BIGINT', 'when it came, microseconds UTC'],
    participant_id: ['VARCHAR', 'pseudonymous id in the study; null for others', 'null'],
    study: ['VARCHAR', 'study', 'null'],
    event: ['VARCHAR', "app.bsky.feed.defs#… as sent, such as 'interactionSeen', without the prefix"],
    uri: ['VARCHAR', 'post', 'null'],
    req_id: [
      'VARCHAR',
      'answer that it belongs to by its signed feedContext; null where that is absent or forged',
      'null',
    ],
    feed_context: ['VARCHAR', 'as sent, cut to 2,000 characters', 'null'],
    context_valid: ['BOOLEAN', 'whether the feedContext bears our signature'],
    client: ['VARCHAR', 'user agent, cut to 200 characters', 'null'],
    segment,
  },
);

/** `raw/hidden_files/current.parquet`, replaced whole by compaction. */
export const hiddenFiles = defineTable(
  'raw/hidden_files',
  'One row per file of the lake that readers leave out, because its rows are in another one',
  [],
  {
    file: ['VARCHAR', "path from the lake's root"],
    reason: [
      'VARCHAR',
      "'planned' (a compacted day that is not in force yet) or 'superseded' (what it was made of, kept for a while)",
    ],
  },
);
