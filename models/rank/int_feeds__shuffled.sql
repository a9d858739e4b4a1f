{{ config(materialized='in_batches') }}

with feeds as (

    select
        feed_id,
        feed_length_posts,
        shuffle_block_positions,
        shuffle_offset
    from {{ ref('int_feeds__variants') }}
    where {{ in_this_batch() }}

),

-- Blocks of three with offset 1: position 1 | 2 3 4 | 5 6 7 | …
posts_in_blocks as (

    select
        posts.*,
        feeds.feed_length_posts,
        feeds.shuffle_offset,
        (posts.position_before_shuffle - 1 + feeds.shuffle_block_positions - feeds.shuffle_offset)
        - (posts.position_before_shuffle - 1 + feeds.shuffle_block_positions - feeds.shuffle_offset)
        % feeds.shuffle_block_positions as block_start,
        {{ draw_hex([
            "'" ~ run_parameter('random_seed') ~ "'", 'posts.participant_id', "'" ~ run_parameter('generation') ~ "'", 'posts.uri'
        ]) }} as draw
    from {{ ref('int_feeds__explained') }} as posts
    inner join feeds on posts.feed_id = feeds.feed_id

),

shuffled_posts as (

    select
        *,
        count(*) over (partition by feed_id, block_start) as block_posts,
        row_number() over (partition by feed_id order by block_start, draw, uri) as position
    from posts_in_blocks

),

final as (

    select
        feed_id,
        cast(position as integer) as position,
        uri,
        score,
        like_score,
        freshness_score,
        treatment_multiplier,
        superposter_multiplier,
        similarity_personal,
        candidate_source,
        is_in_network,
        served_before,
        position_before_shuffle,
        cast(shuffle_offset as integer) as shuffle_offset,
        cast(1 as double) / block_posts as propensity
    from shuffled_posts
    where position <= feed_length_posts

)

select * from final
