{{ config(materialized='in_batches') }}

with shuffled_posts as (

    select
        *,
        cast(null as varchar) as credited_policy
    from {{ ref('int_feeds__shuffled') }}

),

-- Which coin put a post where it is can't be told apart from the other's pick: no propensity, but a credit.
drafted_posts as (

    select
        feed_id,
        position,
        uri,
        score,
        like_score,
        freshness_score,
        treatment_multiplier,
        superposter_multiplier,
        similarity_personal,
        candidate_source,
        is_in_network,
        served_before,
        position_before_shuffle,
        0 as shuffle_offset,
        cast(null as double) as propensity,
        credited_policy
    from {{ ref('int_feeds__interleaved') }}

),

all_posts as (

    select * from shuffled_posts
    union all
    select * from drafted_posts

),

feeds as (

    select
        feed_id,
        participant_id,
        policy,
        policy_version,
        is_served
    from {{ ref('int_feeds__variants') }}
    where {{ in_this_batch() }}

),

final as (

    select
        feeds.participant_id,
        feeds.policy,
        feeds.policy_version,
        feeds.is_served,
        all_posts.feed_id,
        all_posts.position,
        all_posts.uri,
        all_posts.score,
        all_posts.like_score,
        all_posts.freshness_score,
        all_posts.treatment_multiplier,
        all_posts.superposter_multiplier,
        all_posts.similarity_personal,
        all_posts.candidate_source,
        all_posts.is_in_network,
        all_posts.served_before,
        all_posts.position_before_shuffle,
        all_posts.shuffle_offset,
        all_posts.propensity,
        all_posts.credited_policy
    from all_posts
    inner join feeds on all_posts.feed_id = feeds.feed_id

)

select * from final
