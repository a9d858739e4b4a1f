import { defineTable } from './define.ts';

export const labels = defineTable(
  'labels/values',
  'One row per post, labeler, version, label and attempt; a refused or failed attempt is a row as well',
  ['labeler', 'dt'],
  {
    uri: ['VARCHAR', 'post'],
    cid: ['VARCHAR', 'version of the post that was read'],
    version: ['VARCHAR', "the labeler's version; a model's sha256 where it is one"],
    label: ['VARCHAR', "what was asked, such as 'toxic'; for a failed attempt, '*'"],
    score: ['DOUBLE', 'probability from 0 to 1; null where the labeler gives no number or failed', 'null'],
    text_value: ['VARCHAR', "a value that is no number, such as 'en' or 'left'; null otherwise", 'null'],
    status: ['VARCHAR', "'ok', 'failed', 'refused' or 'skipped'"],
    error: ['VARCHAR', 'code and message where it is not ok', 'null'],
    attempt: ['INTEGER', 'from 1'],
    latency_ms: ['DOUBLE', 'how long the ask took, milliseconds; null for batches of local models', 'null'],
    tokens_in: ['BIGINT', 'tokens that were sent; null where none are counted', 'null'],
    tokens_out: ['BIGINT', 'tokens that came back; null where none are counted', 'null'],
    cost_usd: ['DOUBLE', 'US dollars; null where it costs nothing', 'null'],
    run_id: ['VARCHAR', 'run that asked; joins raw/runs'],
    labelled_at: ['BIGINT', 'when, microseconds UTC'],
  },
);

export const embeddings = defineTable(
  'labels/embeddings',
  'One row per post and version of the embedding model',
  ['dt'],
  {
    uri: ['VARCHAR', 'post'],
    cid: ['VARCHAR', 'version of the post that was read'],
    labeler: ['VARCHAR', "'embeddings'"],
    version: ['VARCHAR', "the model's sha256"],
    embedding: ['FLOAT[]', '384 numbers of unit length'],
    run_id: ['VARCHAR', 'run that computed it; joins raw/runs'],
    labelled_at: ['BIGINT', 'when, microseconds UTC'],
  },
);

/** Written whole by dbt under `queue/<publish id>/`; `queue/current.json` points to the one in force. */
export const queue = defineTable('queue', 'One row per post that a labeler should be asked about', [], {
  labeler: ['VARCHAR', 'whom to ask'],
  version: ['VARCHAR', 'version of the labeler that is asked for, from seeds/labelers.csv'],
  uri: ['VARCHAR', 'post'],
  cid: ['VARCHAR', 'version of the post'],
  did: ['VARCHAR', 'author'],
  text: ['VARCHAR', 'standardised text'],
  attempt: ['INTEGER', 'which attempt this will be, from 1'],
  is_dead_letter: ['BOOLEAN', 'failed so often that only --retry failed asks about it again'],
  priority: ['INTEGER', 'lower is asked first; posts that were served come before others'],
  event_us: ['BIGINT', "the post's witness time, microseconds UTC"],
});
