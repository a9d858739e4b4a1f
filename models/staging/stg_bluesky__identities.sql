with source as (

    select
        *,
        row(event_us, coalesce(seq, 0), source, segment) as fold_key
    from {{ source('raw', 'identities') }}
    where {{ known_then('ingested_at') }}

)

select
    ---------- ids
    did,
    max_by(handle, fold_key) filter (where handle is not null) as handle,

    ---------- times, microseconds UTC
    max(event_us) filter (where handle is not null) as handle_us,
    max(event_us) as event_us
from source
group by did
