-- Places become posts again.
{{ config(materialized='in_batches') }}

with assembled_posts as (

    select * from {{ ref('int_feeds__assembled') }}

),

feeds as (

    select
        feed_id,
        participant_id,
        policy,
        policy_version,
        sort_key
    from {{ ref('int_feeds__variants') }}
    where {{ in_this_batch() }}

),

ranked_posts as (

    select * from {{ ref('int_posts__ranked') }}

),

personal_posts as (

    select * from {{ ref('int_feeds__personal') }}

),

final as (

    select
        assembled_posts.feed_id,
        assembled_posts.position_before_shuffle,
        assembled_posts.is_in_network,
        assembled_posts.served_before,
        feeds.participant_id,
        ranked_posts.uri,
        ranked_posts.score,
        ranked_posts.like_score,
        ranked_posts.freshness_score,
        ranked_posts.treatment_multiplier,
        ranked_posts.superposter_multiplier,
        cast(null as double) as similarity_personal,
        case
            when assembled_posts.is_in_network then 'in_network' else ranked_posts.candidate_source
        end as candidate_source
    from assembled_posts
    inner join feeds on assembled_posts.feed_id = feeds.feed_id
    inner join ranked_posts
        on
            feeds.policy = ranked_posts.policy
            and feeds.policy_version = ranked_posts.policy_version
            and assembled_posts.policy_place = ranked_posts.policy_place
    where feeds.sort_key not in ('personal', 'diversity')
    union all
    select
        assembled_posts.feed_id,
        assembled_posts.position_before_shuffle,
        assembled_posts.is_in_network,
        assembled_posts.served_before,
        feeds.participant_id,
        personal_posts.uri,
        personal_posts.score,
        personal_posts.like_score,
        personal_posts.freshness_score,
        personal_posts.treatment_multiplier,
        personal_posts.superposter_multiplier,
        personal_posts.similarity_personal,
        personal_posts.candidate_source
    from assembled_posts
    inner join feeds on assembled_posts.feed_id = feeds.feed_id
    inner join personal_posts
        on
            assembled_posts.feed_id = personal_posts.feed_id
            and assembled_posts.policy_place = personal_posts.policy_place

)

select * from final
