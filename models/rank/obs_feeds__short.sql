{{ config(post_hook="{{ write_lake_file(
    this, 'feeds', 'generation=' ~ run_parameter('generation') ~ '/inputs', 'short.parquet', 'participant_id'
) }}") }}

with variants as (

    select
        feed_id,
        participant_id,
        policy,
        policy_version,
        feed_length_posts
    from {{ ref('int_feeds__variants') }}
    where is_served

),

feed_sizes as (

    select
        participant_id,
        count(*) as positions
    from {{ ref('fct_feeds') }}
    group by participant_id

),

candidate_counts as (

    select
        feed_id,
        count(*) as candidates,
        sum(case when served_before then 1 else 0 end) as candidates_served_before
    from {{ ref('int_feeds__candidates') }}
    group by feed_id

),

final as (

    select
        '{{ run_parameter("generation") }}' as generation,
        variants.participant_id,
        variants.policy,
        variants.policy_version,
        coalesce(feed_sizes.positions, 0) as positions,
        variants.feed_length_posts,
        coalesce(candidate_counts.candidates, 0) as candidates,
        coalesce(candidate_counts.candidates_served_before, 0) as candidates_served_before
    from variants
    left join feed_sizes on variants.participant_id = feed_sizes.participant_id
    left join candidate_counts on variants.feed_id = candidate_counts.feed_id
    where coalesce(feed_sizes.positions, 0) < variants.feed_length_posts

)

select * from final
