with source as (

    select
        *,
        row(event_us, coalesce(seq, 0), source, segment) as fold_key
    from {{ source('raw', 'accounts') }}
    where {{ known_then('ingested_at') }}

)

select
    ---------- ids
    did,

    ---------- status
    case
        when not {{ at_latest('active', 'fold_key') }}
            then coalesce({{ at_latest('status', 'fold_key') }}, 'inactive')
    end as inactive_status,
    {{ at_latest('active', 'fold_key') }} as is_active,

    ---------- times, microseconds UTC
    max(event_us) as event_us
from source
group by did
