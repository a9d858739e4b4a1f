-- One line here for each way of scoring: a new one is a file int_scores__<sort_key>.sql and its name in this list.
with scored_posts as (

    select * from {{ ref('int_scores__recency') }}
    union all
    select * from {{ ref('int_scores__engagement') }}

),

policies as (

    select
        policy,
        version,
        author_cap_posts
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
    where posts_by_author.author_place <= policies.author_cap_posts

),

final as (

    select
        *,
        row_number() over (partition by policy, policy_version order by score desc, uri asc) as policy_place
    from posts_within_author_cap

)

select * from final
