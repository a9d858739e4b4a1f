-- The sort key itself for 'engagement'; for the keys that depend on the participant, what they begin from.
with posts as (

    select * from {{ ref('int_posts__rankable') }}

),

policies as (

    select * from {{ ref('int_policies__in_force') }}
    where sort_key in ('engagement', 'personal', 'diversity')

),

posts_with_known_likes as (

    select
        posts.uri,
        posts.author_did,
        posts.similarity,
        posts.age_hours,
        posts.toxic,
        posts.constructive,
        posts.sociopolitical,
        posts.is_superposter,
        policies.*,
        case when posts.likes >= coalesce(policies.likes_known_from, 0) then posts.likes end as known_likes,
        24 * policies.lookback_days as lookback_hours
    from posts
    cross join policies

),

posts_with_parts as (

    select
        *,
        -- A negative cosine has no likes to offer: without the floor the logarithm would fail.
        ln(1 + coalesce(
            known_likes,
            greatest(average_popular_likes * coalesce(similarity, similarity_if_unknown), 0)
        )) as like_score,
        round(
            freshness_maximum_score * power(
                (1 - freshness_maximum_score / lookback_hours) * freshness_decay_ratio,
                least(age_hours, lookback_hours)
            ),
            2
        ) as freshness_score,
        case
            when toxic_multiplier is null then null
            when sociopolitical > sociopolitical_threshold and toxic + constructive > 0
                then
                    (toxic * toxic_multiplier + constructive * constructive_multiplier)
                    / (toxic + constructive)
            else 1
        end as treatment_factor,
        case
            when superposter_multiplier is null then null
            when is_superposter then superposter_multiplier
            else 1
        end as superposter_factor
    from posts_with_known_likes

),

final as (

    select
        policy,
        version as policy_version,
        uri,
        author_did,
        round(
            (like_score + freshness_score) * coalesce(treatment_factor, 1) * coalesce(superposter_factor, 1), 9
        ) as score,
        round(like_score, 9) as like_score,
        freshness_score,
        round(treatment_factor, 9) as treatment_multiplier,
        superposter_factor as superposter_multiplier,
        case
            when known_likes is not null then 'popular'
            when similarity is not null then 'similar'
            else 'fresh'
        end as candidate_source
    from posts_with_parts

)

select * from final
