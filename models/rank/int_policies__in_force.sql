with arms as (

    select * from {{ ref('int_arms__policies') }}

),

final as (

    select distinct
        policy,
        version,
        sort_key,
        author_cap_posts,
        lookback_days,
        freshness_maximum_score,
        freshness_decay_ratio,
        average_popular_likes,
        similarity_if_unknown,
        likes_known_from,
        toxic_multiplier,
        constructive_multiplier,
        sociopolitical_threshold,
        superposter_multiplier
    from arms

)

select * from final
