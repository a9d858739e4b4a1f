{{ config(materialized='in_batches') }}

with feeds as (

    select
        feed_id,
        feed_length_posts,
        served_before_cap_posts,
        shuffle_block_positions
    from {{ ref('int_feeds__variants') }}
    where {{ in_this_batch() }}

),

-- Posts of followed accounts come first, as many as there are positions for; the others of theirs compete with all.
placed_posts as (

    select
        feeds.feed_id,
        feeds.feed_length_posts,
        feeds.served_before_cap_posts,
        feeds.shuffle_block_positions,
        candidates.policy_place,
        candidates.is_in_network,
        candidates.served_before,
        row_number() over (
            partition by feeds.feed_id
            order by candidates.is_head desc, candidates.policy_place asc
        ) as place,
        sum(case when candidates.served_before then 1 else 0 end) over (
            partition by feeds.feed_id
            order by candidates.is_head desc, candidates.policy_place asc
            rows between unbounded preceding and current row
        ) as served_posts
    from {{ ref('int_feeds__candidates') }} as candidates
    inner join feeds on candidates.feed_id = feeds.feed_id

),

-- Each post that the cap takes out lets those after it move up.
final as (

    select
        feed_id,
        policy_place,
        is_in_network,
        served_before,
        cast(place - greatest(served_posts - served_before_cap_posts, 0) as integer) as position_before_shuffle
    from placed_posts
    where
        (not served_before or served_posts <= served_before_cap_posts)
        -- A block of the shuffle that the cut goes through is whole here.
        and place - greatest(served_posts - served_before_cap_posts, 0)
        <= feed_length_posts + shuffle_block_positions - 1

)

select * from final
