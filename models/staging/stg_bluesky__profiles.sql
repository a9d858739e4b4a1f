with records as (

    select * from {{ ref('base_bluesky__profiles') }}
    where known_us is not null

)

select
    ---------- ids
    did,
    cid,

    ---------- text
    display_name,
    description,
    created_at,

    ---------- lists
    {{ json_list('self_label_values', '$[*].val') }} as self_labels,

    ---------- booleans
    is_live,
    is_verified,

    ---------- times, microseconds UTC
    event_us
from records
where
    rkey = 'self'
    and deleted_us is null
