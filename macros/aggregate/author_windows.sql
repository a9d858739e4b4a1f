{#
  The CTE `author_windows`: of accounts on days (a CTE with did, event_day and day_number), those that posted in superposter_window_days up to
  and with the day, how often, and whether they were superposters then. A day without a post of theirs is as good as any other.

  Posts from before capture began, which a backfill knows of some accounts, don't count, and neither do its days: as in
  int_authors__superposters, by which feeds are ranked.

  Worked example: capture begins on day 10, the window is 7 days, and an account posts 24 times on day 11. On day 11 it has 24 posts in
  2 days, 12 a day; on day 14, on which it is silent, 24 in 5; on day 18 there is no row.
#}
{% macro author_windows(author_days) -%}
superposter_parameters as (

    select
        cast({{ filter_parameter('superposter_window_days') }} as bigint) as window_days,
        {{ filter_parameter('superposter_posts_per_day') }} as posts_per_day_threshold,
        {{ whole_units('clock.first_live_event_us', 86400000000) }} as first_live_day
    from {{ ref('stg_cycle__clock') }} as clock

),

author_windows as (

    select
        author_days.did,
        author_days.event_day,
        sum(daily_posts.posts_since_live) as posts,
        sum(daily_posts.posts_since_live) / cast(
            -- before it had filled, the days that there were count
            min(least(
                superposter_parameters.window_days,
                coalesce(
                    author_days.day_number - superposter_parameters.first_live_day + 1,
                    superposter_parameters.window_days
                )
            )) as double
        ) as posts_per_day,
        min(superposter_parameters.posts_per_day_threshold) as posts_per_day_threshold
    from {{ author_days }} as author_days
    cross join superposter_parameters
    inner join {{ ref('int_authors__daily_posts') }} as daily_posts
        on
            author_days.did = daily_posts.did
            and author_days.day_number - superposter_parameters.window_days < daily_posts.day_number
            and author_days.day_number >= daily_posts.day_number
    where daily_posts.posts_since_live > 0
    group by author_days.did, author_days.event_day

)
{%- endmacro %}
