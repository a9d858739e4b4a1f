select
    ---------- ids
    uri,
    cid,
    labeler,
    version,
    label,
    run_id,

    ---------- values
    score,
    text_value,

    ---------- how it went
    status,
    error,
    attempt,
    latency_ms,
    tokens_in,
    tokens_out,
    cost_usd,

    ---------- times, microseconds UTC
    labelled_at,

    ---------- partitions
    dt
from {{ source('labels', 'label_values') }}
