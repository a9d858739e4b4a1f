{{ config(tags=['history']) }}

with posts as (

    select
        {{ utc_day('event_us') }} as event_day,
        first_reason,
        reasons
    from {{ ref('int_posts__filtered') }}

),

posts_by_reason as (

    select
        posts.event_day,
        posts.first_reason,
        reasons.reason
    from posts
    cross join unnest(posts.reasons) as reasons (reason)

),

rejected as (

    select
        event_day,
        reason,
        count(*) as posts,
        count(*) filter (where first_reason = reason) as posts_by_first_reason
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
    where first_reason is null
    group by event_day

)

select * from rejected
union all
select * from eligible
