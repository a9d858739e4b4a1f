{{ config(tags=['history']) }}

with daily_posts as (

    select * from {{ ref('int_authors__daily_posts') }}

),

parameters as (

    select
        cast({{ filter_parameter('superposter_window_days') }} as bigint) as window_days,
        {{ filter_parameter('superposter_posts_per_day') }} as posts_per_day_threshold,
        {{ filter_parameter('superposter_top_share') }} as top_share

),

first_days as (

    select min(day_number) as day_number
    from daily_posts

),

-- The window ends with the day itself; before it had filled, the days that there were count.
posts_in_window as (

    select
        author_days.did,
        author_days.event_day,
        author_days.day_number,
        sum(earlier.posts) as posts
    from daily_posts as author_days
    cross join parameters
    inner join daily_posts as earlier
        on
            author_days.did = earlier.did
            and author_days.day_number - parameters.window_days < earlier.day_number
            and author_days.day_number >= earlier.day_number
    group by author_days.did, author_days.event_day, author_days.day_number

),

ranked_authors as (

    select
        *,
        rank() over (partition by event_day order by posts desc) as place,
        count(*) over (partition by event_day) as authors
    from posts_in_window

)

select
    ---------- ids
    ranked_authors.did,
    ranked_authors.event_day,

    ---------- numerics
    cast(ranked_authors.posts as bigint) as posts,
    ranked_authors.posts / cast(
        least(parameters.window_days, ranked_authors.day_number - first_days.day_number + 1) as double
    ) as posts_per_day,

    ---------- booleans
    ranked_authors.posts / cast(
        least(parameters.window_days, ranked_authors.day_number - first_days.day_number + 1) as double
    ) >= parameters.posts_per_day_threshold as is_superposter,
    ranked_authors.place <= ranked_authors.authors * parameters.top_share as is_in_top_share
from ranked_authors
cross join parameters
cross join first_days
