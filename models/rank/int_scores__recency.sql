with posts as (

    select * from {{ ref('int_posts__rankable') }}

),

policies as (

    select * from {{ ref('int_policies__in_force') }}
    where sort_key = 'recency'

),

final as (

    select
        policies.policy,
        policies.version as policy_version,
        posts.uri,
        posts.author_did,
        posts.event_us / cast(1000000 as double) as score,
        cast(null as double) as like_score,
        cast(null as double) as freshness_score,
        cast(null as double) as treatment_multiplier,
        cast(null as double) as superposter_multiplier,
        'fresh' as candidate_source
    from posts
    cross join policies

)

select * from final
