with arms as (

    select
        arm,
        policy,
        policy_version as pinned_version
    from {{ ref('arms') }}

),

arms_and_default as (

    select * from arms
    union all
    select
        'default' as arm,
        'default' as policy,
        cast(null as varchar) as pinned_version

),

policies as (

    select * from {{ ref('ranking_policies') }}

),

versions_begun as (

    select
        policy,
        version,
        row_number() over (partition by policy order by valid_from desc, version desc) as newest_first
    from policies
    where valid_from <= {{ utc_day(as_of_us()) }}

),

final as (

    select
        arms_and_default.arm,
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
        policies.superposter_multiplier
    from arms_and_default
    left join versions_begun
        on
            arms_and_default.policy = versions_begun.policy
            and versions_begun.newest_first = 1
    inner join policies
        on
            arms_and_default.policy = policies.policy
            and coalesce(arms_and_default.pinned_version, versions_begun.version) = policies.version

)

select * from final
