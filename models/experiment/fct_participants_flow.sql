-- One file that `study balance` reads: it holds who follows and likes how much, so it goes to the private lake.
{{ config(
    materialized='table',
    post_hook="{{ write_lake_file(this, '', 'experiment', 'participants_flow.parquet', 'participant_id', lake='FEEDTRIAL_PRIVATE_LAKE') }}",
) }}

with participants as (

    select * from {{ ref('stg_study__participants') }}

),

waves as (

    select * from {{ ref('int_participants__waves') }}

),

own_feed_exposures as (

    select
        participant_id,
        min(served_us) as first_served_us,
        count(*) as positions_own_feed
    from {{ ref('fct_exposures') }}
    where
        fallback_reason is null
        and is_for_reading
        and participant_id is not null
    group by participant_id

),

analysed as (

    select distinct participant_id
    from {{ ref('fct_participant_weeks') }}
    where is_whole and positions_own_feed > 0 and not is_after_withdrawal

),

-- What they were like when they were enrolled can't be the study's doing; what they have undone since could be, so it
-- counts as it was.
follows_before as (

    select
        participants.participant_id,
        count(distinct follows.subject_did) as follows
    from {{ ref('stg_bluesky__follows') }} as follows
    inner join participants on follows.did = participants.did
    where {{ stood_at('follows', 'participants.enrolled_us') }}
    group by participants.participant_id

),

likes_before as (

    select
        participants.participant_id,
        count(distinct likes.subject_uri) as likes
    from {{ ref('stg_bluesky__likes') }} as likes
    inner join participants on likes.did = participants.did
    where {{ stood_at('likes', 'participants.enrolled_us') }}
    group by participants.participant_id

),

posts_before as (

    select
        participants.participant_id,
        count(*) as posts
    from {{ ref('stg_bluesky__posts') }} as posts
    inner join participants on posts.did = participants.did
    where posts.event_us < participants.enrolled_us
    group by participants.participant_id

),

final as (

    select
        participants.participant_id,
        participants.study,
        participants.arm,
        participants.stratum,
        waves.wave,
        participants.status,
        participants.enrolled_us,
        own_feed_exposures.first_served_us,
        cast(coalesce(own_feed_exposures.positions_own_feed, 0) as bigint) as positions_own_feed,
        analysed.participant_id is not null as is_analysed,
        cast(coalesce(follows_before.follows, 0) as bigint) as follows,
        cast(coalesce(likes_before.likes, 0) as bigint) as likes_before_enrolment,
        cast(coalesce(posts_before.posts, 0) as bigint) as posts_before_enrolment
    from participants
    left join waves on participants.participant_id = waves.participant_id
    left join own_feed_exposures on participants.participant_id = own_feed_exposures.participant_id
    left join analysed on participants.participant_id = analysed.participant_id
    left join follows_before on participants.participant_id = follows_before.participant_id
    left join likes_before on participants.participant_id = likes_before.participant_id
    left join posts_before on participants.participant_id = posts_before.participant_id

)

select * from final
