{{ config(tags=['history']) }}

select
    ---------- ids
    did,
    {{ utc_day('event_us') }} as event_day,

    ---------- numerics
    {{ whole_units('event_us', 86400000000) }} as day_number,
    count(*) as posts,
    count(*) filter (where is_reply) as replies,
    count(*) filter (where is_deleted) as deleted_posts
from {{ ref('stg_bluesky__posts') }}
group by did, {{ utc_day('event_us') }}, {{ whole_units('event_us', 86400000000) }}
