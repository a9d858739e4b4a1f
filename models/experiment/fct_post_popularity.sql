{{ config(materialized='table') }}

-- What participants like lifts posts for everyone: what an arm makes popular in one place, engagement shows in another.
with participants as (

    select
        participant_id,
        arm
    from {{ ref('stg_study__participants') }}
    where status <> 'withdrawn'

),

likes_of_participants as (

    select
        likes.uri,
        count(*) as likes,
        count(distinct participants.arm) as arms
    from {{ ref('int_participants__likes') }} as likes
    inner join participants on likes.participant_id = participants.participant_id
    group by likes.uri

),

posts as (

    select
        uri,
        likes
    from {{ ref('int_posts__measured') }}

),

posts_by_popularity as (

    select
        posts.uri,
        posts.likes,
        coalesce(likes_of_participants.likes, 0) as likes_by_participants,
        coalesce(likes_of_participants.arms, 0) as arms_that_liked,
        -- the greatest of a number and null differs between engines
        case
            when posts.likes is not null then greatest(posts.likes - coalesce(likes_of_participants.likes, 0), 0)
        end as likes_without_participants
    from posts
    left join likes_of_participants on posts.uri = likes_of_participants.uri

),

final as (

    select
        uri,
        cast(likes as bigint) as likes,
        cast(likes_by_participants as bigint) as likes_by_participants,
        cast(likes_without_participants as bigint) as likes_without_participants,
        cast(arms_that_liked as bigint) as arms_that_liked,
        case
            when likes is not null then row_number() over (order by likes desc nulls last, uri asc)
        end as place,
        case
            when likes is not null then row_number() over (order by likes_without_participants desc nulls last, uri asc)
        end as place_without_participants
    from posts_by_popularity

)

select * from final
