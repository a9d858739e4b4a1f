{{ config(tags=['history']) }}

select
    ---------- ids
    posts.did,
    {{ utc_day('posts.event_us') }} as event_day,

    ---------- numerics
    {{ whole_units('posts.event_us', 86400000000) }} as day_number,
    count(*) as posts,
    count(*) filter (where posts.is_reply) as replies,
    count(*) filter (where posts.is_deleted) as deleted_posts,
    count(*) filter (where posts.event_us >= coalesce(clock.first_live_event_us, 0)) as posts_since_live
from {{ ref('stg_bluesky__posts') }} as posts
cross join {{ ref('stg_cycle__clock') }} as clock
group by posts.did, {{ utc_day('posts.event_us') }}, {{ whole_units('posts.event_us', 86400000000) }}
