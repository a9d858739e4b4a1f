{{ config(tags=['history']) }}

-- Counted once a day, when nearly all posts are too old to be candidates: what a day tells is whether one was eligible
-- when it was young.
with posts as (

    select
        {{ utc_day('event_us') }} as event_day,
        first_reason,
        reasons,
        passes_all_but_age
    from {{ ref('int_posts__filtered') }}

),

posts_by_reason as (

    select
        posts.event_day,
        posts.first_reason,
        posts.passes_all_but_age,
        reasons.reason
    from posts
    cross join unnest(posts.reasons) as reasons (reason)

),

rejected as (

    select
        event_day,
        reason,
        count(*) as posts,
        count(*) filter (where first_reason = reason and not passes_all_but_age) as posts_by_first_reason
    from posts_by_reason
    group by event_day, reason

),

eligible as (

    select
        event_day,
        'eligible' as reason,
        count(*) as posts,
        count(*) as posts_by_first_reason
    from posts
    where passes_all_but_age
    group by event_day

)

select * from rejected
union all
select * from eligible
