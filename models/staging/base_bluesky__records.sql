with source as (

    select
        *,
        {{ file_row() }}
    from {{ source('raw', 'records') }}

)

select
    ---------- ids
    did,
    collection,
    rkey,
    cid,
    rev,

    ---------- what happened
    operation,
    record,

    ---------- where from
    source as captured_by,
    segment,
    seq,
    file_name,
    file_row,

    ---------- booleans
    live as is_live,
    verified,

    ---------- times, microseconds UTC
    event_us,
    ingested_at,

    ---------- partitions
    collection_group,
    dt,
    hour
from source
