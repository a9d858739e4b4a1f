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

posts_in_window as (

    select
        author_days.did,
        author_days.event_day,
        author_days.day_number,
        sum(daily_posts.posts_since_live) as posts
    from {{ author_days }} as author_days
    cross join superposter_parameters
    inner join {{ ref('int_authors__daily_posts') }} as daily_posts
        on
            author_days.did = daily_posts.did
            and author_days.day_number - superposter_parameters.window_days < daily_posts.day_number
            and author_days.day_number >= daily_posts.day_number
    where daily_posts.posts_since_live > 0
    group by author_days.did, author_days.event_day, author_days.day_number

),

-- Before the window had filled, the days that there were count.
posts_by_day_of_window as (

    select
        posts_in_window.did,
        posts_in_window.event_day,
        posts_in_window.posts,
        posts_in_window.posts / cast(
            least(
                superposter_parameters.window_days,
                coalesce(
                    posts_in_window.day_number - superposter_parameters.first_live_day + 1,
                    superposter_parameters.window_days
                )
            ) as double
        ) as posts_per_day
    from posts_in_window
    cross join superposter_parameters

),

author_windows as (

    select
        posts_by_day_of_window.*,
        posts_by_day_of_window.posts_per_day >= superposter_parameters.posts_per_day_threshold as is_superposter
    from posts_by_day_of_window
    cross join superposter_parameters

)
{%- endmacro %}
