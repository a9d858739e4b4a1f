{# Read once, by the file that it is written to. #}
{{ config(
    materialized='view',
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
    from {{ ref('int_posts__measured') }}
    where has_embedding

),

-- Only these can be popular, and they are few: the others are put in no order.
posts_with_enough_likes as (

    select
        uri,
        row_number() over (order by likes desc, uri asc) as like_place
    from embedded_posts
    where likes >= {{ similarity_parameter('popular_minimum_likes') }}

),

popular_posts as (

    select uri
    from posts_with_enough_likes
    where
        like_place <= ceiling(
            (select count(*) from embedded_posts) * {{ similarity_parameter('popular_posts_share') }}
        )

),

final as (

    select
        posts.uri,
        posts.cid,
        embedders.embedding_version,
        popular_posts.uri is not null as is_popular
    from embedded_posts as posts
    cross join embedders
    left join popular_posts on posts.uri = popular_posts.uri

)

select * from final
