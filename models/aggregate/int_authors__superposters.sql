with observed as (

    select
        clock.as_of_us,
        {{ filter_parameter('superposter_window_days') }} as window_days,
        {{ filter_parameter('superposter_posts_per_day') }} as posts_per_day_threshold,
        {{ filter_parameter('superposter_top_share') }} as top_share,
        clock.as_of_us - cast({{ filter_parameter('superposter_window_days') }} * 86400000000 as bigint)
            as window_start_us,
        clock.first_live_event_us
    from {{ ref('stg_cycle__clock') }} as clock

),

-- A capture that is younger than the window has seen fewer days; less than one counts as one.
observed_days as (

    select
        *,
        greatest(
            least(
                (as_of_us - coalesce(first_live_event_us, window_start_us)) / cast(86400000000 as double),
                window_days
            ),
            1
        ) as days_observed
    from observed

),

-- Over the same time as the days: what only a backfill knows from before capture began is more than those days brought.
-- Deleted posts count: they were posted.
posts_by_author as (

    select
        posts.did,
        count(*) as posts,
        count(*) filter (where posts.is_reply) as replies
    from {{ ref('stg_bluesky__posts') }} as posts
    cross join observed_days
    where
        {{ within_lookback('posts.event_us', run_parameter('superposter_lookback_hours') | int) }}
        and {{ known_then('posts.known_us') }}
        and posts.event_us between observed_days.window_start_us and observed_days.as_of_us
        and posts.event_us >= coalesce(observed_days.first_live_event_us, observed_days.window_start_us)
    group by posts.did

),

ranked_authors as (

    select
        *,
        rank() over (order by posts desc) as place,
        count(*) over () as authors
    from posts_by_author

)

select
    ---------- ids
    ranked_authors.did,

    ---------- numerics
    ranked_authors.posts,
    ranked_authors.replies,
    ranked_authors.posts / observed_days.days_observed as posts_per_day,

    ---------- booleans
    ranked_authors.posts / observed_days.days_observed >= observed_days.posts_per_day_threshold as is_superposter,
    ranked_authors.place <= ranked_authors.authors * observed_days.top_share as is_in_top_share
from ranked_authors
cross join observed_days
