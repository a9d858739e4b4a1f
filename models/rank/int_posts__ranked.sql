with scored_posts as (

    select * from {{ ref('int_posts__scored') }}

),

policies as (

    select
        policy,
        version,
        author_cap_posts,
        sort_key in ('personal', 'diversity') as is_capped_later
    from {{ ref('int_policies__in_force') }}

),

posts_by_author as (

    select
        *,
        row_number() over (
            partition by policy, policy_version, author_did
            order by score desc, uri asc
        ) as author_place
    from scored_posts

),

posts_within_author_cap as (

    select posts_by_author.*
    from posts_by_author
    inner join policies
        on
            posts_by_author.policy = policies.policy
            and posts_by_author.policy_version = policies.version
    where
        posts_by_author.author_place <= policies.author_cap_posts
        or policies.is_capped_later

),

final as (

    select
        policy,
        policy_version,
        uri,
        author_did,
        score,
        like_score,
        freshness_score,
        treatment_multiplier,
        superposter_multiplier,
        candidate_source,
        author_place,
        row_number() over (partition by policy, policy_version order by score desc, uri asc) as policy_place
    from posts_within_author_cap

)

select * from final
