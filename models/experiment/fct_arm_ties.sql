{{ config(materialized='table') }}

with participants as (

    select
        participant_id,
        did,
        arm
    from {{ ref('stg_study__participants') }}
    where status <> 'withdrawn'

),

arms as (

    select
        arm,
        count(*) as participants
    from participants
    group by arm

),

ties as (

    select
        followers.arm as follower_arm,
        followed.arm as followed_arm,
        count(*) as follows,
        count(distinct followers.participant_id) as followers_with_ties
    from {{ ref('int_participants__follows') }} as follows
    inner join participants as followers on follows.participant_id = followers.participant_id
    inner join participants as followed on follows.author_did = followed.did
    where followers.participant_id <> followed.participant_id
    group by followers.arm, followed.arm

),

final as (

    select
        follower_arms.arm as follower_arm,
        followed_arms.arm as followed_arm,
        follower_arms.arm <> followed_arms.arm as is_across,
        cast(follower_arms.participants as bigint) as followers,
        cast(coalesce(ties.followers_with_ties, 0) as bigint) as followers_with_ties,
        cast(coalesce(ties.follows, 0) as bigint) as follows
    from arms as follower_arms
    cross join arms as followed_arms
    left join ties
        on
            follower_arms.arm = ties.follower_arm
            and followed_arms.arm = ties.followed_arm

)

select * from final
