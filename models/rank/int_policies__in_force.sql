{{ config(post_hook="{{ write_lake_file(
    this, 'feeds', 'generation=' ~ run_parameter('generation') ~ '/inputs', 'policies.parquet', 'policy, version'
) }}") }}

with arms as (

    select * from {{ ref('int_arms__policies') }}

),

policies as (

    select * from {{ ref('ranking_policies') }}

),

begun as (

    select * from {{ ref('int_policies__begun') }}

),

policies_of_arms as (

    select
        policies.policy,
        policies.version,
        policies.first_team_policy,
        policies.second_team_policy
    from policies
    inner join arms
        on
            policies.policy = arms.policy
            and policies.version = arms.policy_version

),

-- What an interleaved feed is drafted from is ranked as well, whether or not an arm of its own gets it.
policies_of_teams as (

    select
        begun.policy,
        begun.version
    from policies_of_arms
    inner join begun on policies_of_arms.first_team_policy = begun.policy
    union all
    select
        begun.policy,
        begun.version
    from policies_of_arms
    inner join begun on policies_of_arms.second_team_policy = begun.policy

),

needed_policies as (

    select
        policy,
        version
    from policies_of_arms
    union
    select
        policy,
        version
    from policies_of_teams

),

final as (

    select
        policies.policy,
        policies.version,
        policies.sort_key,
        policies.feed_length_posts,
        policies.author_cap_posts,
        policies.in_network_positions,
        policies.served_before_cap_posts,
        policies.shuffle_block_positions,
        policies.lookback_days,
        policies.freshness_maximum_score,
        policies.freshness_decay_ratio,
        policies.average_popular_likes,
        policies.similarity_if_unknown,
        policies.likes_known_from,
        policies.toxic_multiplier,
        policies.constructive_multiplier,
        policies.sociopolitical_threshold,
        policies.superposter_multiplier,
        policies.candidate_in_network_posts,
        policies.candidate_popular_posts,
        policies.candidate_similar_posts,
        policies.personal_weight_score,
        policies.diversity_share,
        policies.first_team_policy,
        policies.second_team_policy
    from policies
    inner join needed_policies
        on
            policies.policy = needed_policies.policy
            and policies.version = needed_policies.version

)

select * from final
