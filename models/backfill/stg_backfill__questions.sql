with source as (

    select
        *,
        row(event_us, segment) as fold_key
    from {{ source('raw', 'backfills') }}

)

select
    ---------- ids
    kind,
    did,
    uri,

    ---------- what came of it
    {{ at_latest('outcome', 'fold_key') }} as outcome,
    {{ at_latest('reason', 'fold_key') }} as reason,

    ---------- numerics
    sum(attempts) filter (where outcome = 'failed') as failed_attempts,

    ---------- times, microseconds UTC
    max(event_us) as asked_us
from source
group by kind, did, uri
