{{ config(tags=['history']) }}

with author_days as (

    select
        did,
        event_day,
        day_number
    from {{ ref('int_authors__daily_posts') }}

),

{{ author_windows('author_days') }},

ranked_authors as (

    select
        *,
        rank() over (partition by event_day order by posts desc) as place,
        count(*) over (partition by event_day) as authors
    from author_windows

)

select
    ---------- ids
    did,
    event_day,

    ---------- numerics
    cast(posts as bigint) as posts,
    posts_per_day,

    ---------- booleans
    is_superposter,
    place <= authors * {{ filter_parameter('superposter_top_share') }} as is_in_top_share
from ranked_authors
