select
    ---------- ids
    uri,
    cid,
    labeler,
    version,
    run_id,

    ---------- values
    embedding,

    ---------- times, microseconds UTC
    labelled_at,

    ---------- partitions
    dt
from {{ source('labels', 'embeddings') }}
