{{ config(
    materialized='table',
    tags=['queue'],
    post_hook="{{ write_lake_file(this, 'queue', 'publish=' ~ run_parameter('publish_id'), 'similarity_posts.parquet', 'uri') }}",
) }}

with embedders as (

    select version as embedding_version
    from {{ ref('labelers') }}
    where labeler = 'embeddings'

),

embedded_posts as (

    select
        uri,
        cid,
        likes
    from {{ ref('int_posts__unified') }}
    where has_embedding

),

posts_by_likes as (

    select
        *,
        row_number() over (order by coalesce(likes, -1) desc, uri asc) as like_place,
        count(*) over () as posts
    from embedded_posts

),

final as (

    select
        posts_by_likes.uri,
        posts_by_likes.cid,
        embedders.embedding_version,
        coalesce(
            posts_by_likes.likes >= {{ similarity_parameter('popular_minimum_likes') }}
            and posts_by_likes.like_place
            <= ceiling(posts_by_likes.posts * {{ similarity_parameter('popular_posts_share') }}),
            false
        ) as is_popular
    from posts_by_likes
    cross join embedders

)

select * from final
